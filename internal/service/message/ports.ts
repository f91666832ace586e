import type { ChangeEntry, ChangeKind } from '../../domain/change.ts'
import type { Role } from '../../domain/conversation.ts'
import type { ClientId, ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { HiddenMessage, MessageState } from '../../domain/message.ts'
import type { Standing } from '../../domain/permission.ts'

export interface AppendItem {
  conversationId: ConversationId
  senderId: UserId
  /** The client's id of this send, or one the node made: the same id is stored once. */
  operationId: ClientId
  /** 16 bytes; tells a repeat from another body under the same operation id. */
  bodyHash: Buffer
  /** The conversation's version that the sender was authorised against. */
  memberVersion: number
  /** False for system messages, which nobody has unread. */
  counts: boolean
  /** True when the sender has read up to here by sending; not for what goes out without them. */
  reads: boolean
  /** A thread's root, when this is a reply in it. */
  rootSeq: Seq | null
  /** Members called by name, whose counters tell them; null calls all. */
  mentions: readonly (UserId | null)[]
  payload: string
  /** The payload with its text cut, kept with the conversation for lists. */
  preview: string
}

export type AppendOutcome =
  | {
      status: 'ok' | 'duplicate' | 'mismatch'
      seq: Seq
      rev: Rev
      ordinal: number
      stamp: number
      era: number
    }
  /** `stale`: authorise again and repeat. `busy`: repeat, waiting. `gone`: there is no such conversation. */
  | { status: 'stale' | 'busy' | 'gone' }

export interface ChangeItem {
  conversationId: ConversationId
  senderId: UserId
  operationId: ClientId
  bodyHash: Buffer
  memberVersion: number
  kind: ChangeKind
  targetSeq: Seq
  /** The conversation's rev at which the message was looked at: a later change of it makes this one `changed`. */
  baseRev: Rev
  /** JSON of a ChangeBody. */
  payload: string
  /** As the message looks in lists from now on, in case it is the last one. */
  preview: string
  /** Of a deleted message: what is left of its row. */
  blank: string | null
  /** Edits: who is called by name now. */
  mentions: readonly (UserId | null)[]
  authorId: UserId
  /** Pins: put there or taken away. */
  pinned: boolean
}

export type ChangeOutcome =
  | { status: 'ok' | 'duplicate' | 'mismatch'; rev: Rev; headSeq: Seq; stamp: number; era: number }
  /** As for append; `changed`: look at the message again. `full`: there are 100 pins. */
  | { status: 'stale' | 'gone' | 'changed' | 'full' }

/**
 * Which seqs a reader wants, at most `limit` (200). `before` and `after` exclude theirs and take the nearest
 * that exist and may be seen; `around` includes it.
 */
export interface SeqRange {
  anchor: 'before' | 'after' | 'around'
  seq: Seq
  limit: number
  /** Asks for what the reader has hidden since that rev, too. */
  hiddenSince?: Rev
}

/** A conversation's log as one member may see it. */
export interface Standpoint {
  seq: Seq
  rev: Rev
  /** Names the history these numbers belong to; another one means: start anew. */
  epoch: string
  memberVersion: number
  role: Role
  /** The lowest seq this member may see. */
  firstVisible: Seq
}

/** What the log knows of some messages beyond their rows. */
export interface Overlays {
  /** What changes made of them that the archive may not have yet, or may have lost at a crash. */
  states: ReadonlyMap<Seq, MessageState>
  /** Replies of those that are a thread's root. */
  replies: ReadonlyMap<Seq, number>
}

/** What one statement on the primary says about a conversation, as one member may see it. */
export interface Window extends Standpoint, Overlays {
  /** The asked range, cut to what exists and may be seen; empty when from > to. */
  from: Seq
  to: Seq
  /** Rows of the range that the archive may not have yet, ascending. */
  tail: LogEntry[]
  /** Those of the range that this member deleted for themselves. */
  hidden: ReadonlySet<Seq>
  /** Hidden since the rev asked for, wherever they are; at that very rev again. The last 200. */
  hiddenSince: readonly Seq[]
}

/** Texts of a message that are read at once, the present one among them. */
export const EDITS_MAX = 101

export interface Head {
  seq: Seq
  rev: Rev
  memberVersion: number
}

export interface MessageLog {
  /**
   * Commits a batch: one round trip, one fsync; an outcome per item, in their order. Never raises for one
   * item's sake unless its bytes cannot be stored at all. Atomic: on a rejection either all or none of the
   * batch was stored, and repeating it is safe (same operation ids).
   * With `wait`, waits for conversations that another transaction holds instead of answering `busy`.
   * @throws DomainError dependency_unavailable when the outcome is unknown.
   */
  append(items: readonly AppendItem[], options: { wait: boolean }): Promise<AppendOutcome[]>

  /** Commits a change of one message; repeating it is safe. @throws DomainError dependency_unavailable. */
  change(item: ChangeItem): Promise<ChangeOutcome>

  /** Null when there is no such conversation or the viewer is not a member of it. */
  window(conversationId: ConversationId, viewerId: UserId, range: SeqRange): Promise<Window | null>

  /** As `window`, without messages. */
  standpoint(conversationId: ConversationId, viewerId: UserId): Promise<Standpoint | null>

  /** Of each of these conversations (at most 1,000 are asked for); those that exist. */
  heads(conversationIds: readonly ConversationId[]): Promise<Map<ConversationId, Head>>

  /** Rows still in the log (younger than its retention), ascending; at most 200 seqs are asked for. */
  entries(conversationId: ConversationId, seqs: readonly Seq[]): Promise<LogEntry[]>

  /** At most 200 seqs are asked for. */
  overlays(conversationId: ConversationId, seqs: readonly Seq[]): Promise<Overlays>

  /** Changes still in the log, ascending by rev; at most 200 revs are asked for. */
  changes(conversationId: ConversationId, from: Rev, to: Rev): Promise<ChangeEntry[]>

  /** Edits of one message still in the log, ascending: the last `EDITS_MAX`. */
  edits(conversationId: ConversationId, seq: Seq): Promise<ChangeEntry[]>

  /** What each user did last of one reaction to a message, as far as the log has it. */
  reactionsTo(
    conversationId: ConversationId,
    seq: Seq,
    emoji: string,
  ): Promise<{ userId: UserId; added: boolean }[]>

  /** What this user did last of each reaction to these messages, as far as the log has it. */
  reactionsBy(
    conversationId: ConversationId,
    userId: UserId,
    seqs: readonly Seq[],
  ): Promise<{ seq: Seq; emoji: string; added: boolean }[]>

  /** Seqs of a thread's replies still in the log, between the given ones, ascending, 200 at most. */
  replies(conversationId: ConversationId, range: RepliesRange): Promise<Seq[]>

  /** Which of these seqs the viewer deleted for themselves. */
  hidden(conversationId: ConversationId, viewerId: UserId, seqs: readonly Seq[]): Promise<Set<Seq>>

  /** Hides a message from one user; again answers the first time. @throws DomainError not_found. */
  hide(hidden: Omit<HiddenMessage, 'rev' | 'at'>): Promise<HiddenMessage>

  /** What these users (at most 1,000) hid since then, the last 1,000 of it. */
  hiddenSince(userIds: readonly UserId[], since: Date): Promise<HiddenMessage[]>

  /** Pinned messages, latest pin first. */
  pins(conversationId: ConversationId): Promise<Seq[]>

  /** Takes away pins of messages that are no more, without a change: nobody sees them. */
  forgetPins(conversationId: ConversationId, seqs: readonly Seq[]): Promise<void>
}

/** Replies of a thread: those nearest to `seq`, excluding it. */
export interface RepliesRange {
  rootSeq: Seq
  anchor: 'before' | 'after'
  seq: Seq
  limit: number
}

/** Messages by place, durable beyond the log's retention; written by the relay only. */
export interface MessageArchive {
  /**
   * Rows of a seq range of at most 200, ascending; per seq the newest era's.
   * @throws DomainError dependency_unavailable within 2 s when it cannot be read; so does every method.
   */
  range(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]>

  /** Rows of at most 200 seqs, ascending. */
  entries(conversationId: ConversationId, seqs: readonly Seq[]): Promise<LogEntry[]>

  /** At most 200, ascending by rev. */
  changes(conversationId: ConversationId, from: Rev, to: Rev): Promise<ChangeEntry[]>

  /** A message's texts after the first, ascending, the last `EDITS_MAX`; `stamp` is when each was written. */
  edits(conversationId: ConversationId, seq: Seq): Promise<{ content: string; stamp: number }[]>

  replies(conversationId: ConversationId, range: RepliesRange): Promise<Seq[]>

  /** Up to `limit` users who reacted so. */
  reactors(conversationId: ConversationId, seq: Seq, emoji: string, limit: number): Promise<UserId[]>

  /** Which of these reactions (at most 1,000) the user has made. */
  reactedBy(
    conversationId: ConversationId,
    userId: UserId,
    reactions: readonly { seq: Seq; emoji: string }[],
  ): Promise<{ seq: Seq; emoji: string }[]>
}

/** What a send's authorisation rests on. */
export interface SendAccess extends Standing {
  memberVersion: number
  /** The other one of a direct conversation has blocked this member. */
  isBlocked: boolean
  /** Seconds that messages live; null for ever. */
  messageTtl: number | null
}

export interface AccessReader {
  /** Read on the primary; null when the user is not a member. */
  access(conversationId: ConversationId, userId: UserId): Promise<SendAccess | null>
}

export interface RoleReader {
  /** Suspended or not; null when the user is not a member. */
  roleOf(conversationId: ConversationId, userId: UserId): Promise<Role | null>
}

export interface NamedMember {
  id: UserId
  /** Has blocked the asker: may be named, but is not told. */
  hasBlocked: boolean
}

export interface MemberNames {
  /** Members by id or by username, whatever its case; those that are members. */
  named(
    conversationId: ConversationId,
    askerId: UserId,
    ids: readonly UserId[],
    usernames: readonly string[],
  ): Promise<NamedMember[]>
}

/** Tells the relay that a conversation's lane has work. Only a hint: it looks by itself, too. */
export interface RelayWaker {
  wake(conversationId: ConversationId): void
}
