import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'

/** Up to where a member has everything (`delivered`), and has read; reading implies having. */
export interface Pointers {
  deliveredSeq: Seq
  readSeq: Seq
}

/** Where one member's pointers are to be; what lies behind theirs changes nothing. */
export interface PointerMove extends Pointers {
  conversationId: ConversationId
  userId: UserId
  /** Messages up to readSeq that are not system messages, where the caller knows. */
  ordinal: number | null
}

export type PointerOutcome =
  | {
      status: 'stored'
      pointers: Pointers
      /** As they were, when this moved them. */
      before: Pointers | null
      memberCount: number
      /** The conversation's, no later than the member was seen to be one. */
      memberVersion: number
      /** Microseconds since 1970. */
      at: number
    }
  /** The log no longer has the message at readSeq, and with it its ordinal: nothing was moved. */
  | { status: 'unplaced'; headSeq: Seq; firstSeq: Seq }
  /** Not a member. */
  | { status: 'gone' }

/** Groups beyond this many members have no delivered pointers and no times of receipts. */
export const TRACKED_MEMBERS_MAX = 100

export interface PointerStore {
  /**
   * Moves pointers forward, never back, all in one statement; past the conversation's end means its end. An outcome
   * per move, in their order; a member may be in it once. Safe to repeat.
   * @throws DomainError dependency_unavailable when the outcome is unknown.
   */
  move(moves: readonly PointerMove[]): Promise<PointerOutcome[]>
}

export type ReceiptKind = 'delivered' | 'read'

/** One pointer passed these messages: those above `from`, up to `to`. */
export interface PointerPassed {
  conversationId: ConversationId
  userId: UserId
  kind: ReceiptKind
  from: Seq
  to: Seq
  /** Microseconds since 1970. */
  at: number
}

export interface PassedAt {
  userId: UserId
  kind: ReceiptKind
  at: number
}

/** When pointers moved: what a message's receipts are dated by. */
export interface ReceiptHistory {
  /** Safe to repeat, in any order. @throws DomainError dependency_unavailable. */
  write(passed: readonly PointerPassed[]): Promise<void>

  /**
   * When the pointers of these users (at most 100) passed this message, as far as it was written; in a number of
   * queries that neither messages nor members nor moves change. @throws DomainError dependency_unavailable.
   */
  find(conversationId: ConversationId, seq: Seq, userIds: readonly UserId[]): Promise<PassedAt[]>
}

/** Those who were members when a message was sent, without its sender. */
export interface Recipients {
  count: number
  readCount: number
  /** Null where delivery is not tracked; so is `members`. */
  deliveredCount: number | null
  /** In the order they joined. */
  members: (Pointers & { userId: UserId })[] | null
}

export interface RecipientReader {
  /** @throws DomainError dependency_unavailable. */
  recipients(conversationId: ConversationId, seq: Seq, senderId: UserId): Promise<Recipients>
}

/** A membership, with the numbers that its unread count comes from, of one snapshot. */
export interface PointerSample extends Pointers {
  conversationId: ConversationId
  userId: UserId
  readOrdinal: number
  headSeq: Seq
  headOrdinal: number
}

export interface PointerSampler {
  /** About so many memberships, picked at random. @throws DomainError dependency_unavailable. */
  sample(count: number): Promise<PointerSample[]>
}
