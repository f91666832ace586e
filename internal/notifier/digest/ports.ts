import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'

/** A digest that is ours until the lease ends. */
export interface TakenDigest {
  id: string
  userId: UserId
  /** Which taking this is; a later one overtakes it. */
  takes: number
  /** Sends that failed before. */
  attempt: number
  /** It was being sent when it was lost: nobody knows whether it arrived. */
  lost: boolean
  /** An outcome before that was unknown, too: another is one too many. */
  repeated: boolean
}

/** Something that was unread when it was noted. */
export interface DigestItem {
  conversationId: ConversationId
  seq: Seq
  day: string
  eventId: string
}

/** Where a page of items ends. */
export type ItemPlace = Pick<DigestItem, 'conversationId' | 'seq'>

/**
 * - `sent`, `empty` (nothing left to tell), `failed` (given up): done.
 * - `waiting`: again at `turnMs`, the attempt counted; `repeated` when it may have arrived.
 * - `returned`: again at `turnMs`, as if it had not been taken.
 */
export type DigestSettlement =
  | { kind: 'sent' | 'empty'; reason: string | null }
  | { kind: 'failed'; reason: string; refusedAddress: string | null }
  | { kind: 'waiting'; reason: string; turnMs: number; repeated: boolean }
  | { kind: 'returned'; turnMs: number }

/** Times are milliseconds since 1970. Throws DomainError `dependency_unavailable`. */
export interface DigestQueue {
  /**
   * Takes up to `limit` digests whose turn it is, for `leaseMs`; no two callers get the same. Of a user the older
   * comes first, and none before the delay since the last has passed, or beyond the mails of a day.
   */
  take(nowMs: number, leaseMs: number, limit: number): Promise<TakenDigest[]>
  /** In order of conversation and seq, after the place. Safe to repeat. */
  items(digestId: string, after: ItemPlace | null, limit: number): Promise<DigestItem[]>
  /** From here on its outcome is unknown until it is settled. False when it is not ours any more. */
  begin(digest: TakenDigest, untilMs: number): Promise<boolean>
  /** Ignored when it is not ours any more. Safe to repeat. */
  settle(digest: TakenDigest, settlement: DigestSettlement, nowMs: number): Promise<void>
  /** Deletes up to `limit` that were settled before the given time; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>
}

/** Reads only; throws DomainError `dependency_unavailable`. */
export interface UnreadReader {
  /**
   * Messages as they are now, in the order of the items; null for what the user has hidden, may not see, or the
   * log no longer has.
   */
  messages(userId: UserId, items: readonly DigestItem[]): Promise<(Message | null)[]>
  /** Where the user gets mail; null without a verified address. */
  address(userId: UserId): Promise<{ address: string; bounces: boolean } | null>
}

export interface UnsubscribeTokens {
  /** The user's, made when there is none yet. @throws DomainError dependency_unavailable. */
  tokenFor(userId: UserId): Promise<string>
}
