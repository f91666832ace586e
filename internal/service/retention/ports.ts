import type { ConversationKind } from '../../domain/conversation.ts'
import type { ConversationId, Rev, Seq } from '../../domain/ids.ts'

/** A conversation that may hold messages past their time. */
export interface Candidate {
  conversationId: ConversationId
  kind: ConversationKind
  /** Its messages are `firstSeq` to `seq`. */
  firstSeq: Seq
  seq: Seq
  rev: Rev
  ordinal: number
  /** Microseconds since 1970: nothing in it is younger. */
  stamp: number
}

/** Everything below goes. */
export interface Floor {
  conversationId: ConversationId
  /** The first message that stays. */
  firstSeq: Seq
  /** Changes up to this rev go with the messages. */
  rev: Rev
  /** Of the last message that goes. */
  ordinal: number
}

/** Messages to be removed physically. */
export interface Purge {
  conversationId: ConversationId
  afterSeq: Seq
  upTo: Seq
  upToRev: Rev
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; every method may be repeated. */
export interface RetentionStore {
  /**
   * The next conversations in order of id, `limit` at most, that began before the time of one of the kinds; of
   * parallel callers one gets them. Null when all have been looked at less than `everyMs` ago.
   */
  next(
    cutoffs: Partial<Record<ConversationKind, Date>>,
    limit: number,
    everyMs: number,
  ): Promise<Candidate[] | null>
  /** Raises the floor: nobody sees what is below, nobody has it unread, and its rows are to be purged. */
  raise(floor: Floor): Promise<void>
  /** The purge whose turn it is, nobody else's for `leaseMs`; null when there is none. */
  claim(leaseMs: number): Promise<Purge | null>
  /** Rows up to there are gone; forgets the purge at its end. */
  purged(purge: Purge, afterSeq: Seq): Promise<void>
  /** Nobody's turn before a while. */
  postpone(purge: Purge): Promise<void>
}

/** Throws DomainError `dependency_unavailable` when rows may still be there; every method may be repeated. */
export interface ArchiveRemover {
  /** Removes messages with their edits and reactions; at most 8,192 seqs are asked for. */
  removeMessages(conversationId: ConversationId, from: Seq, to: Seq): Promise<void>
  /** Removes all changes up to the rev. */
  removeChanges(conversationId: ConversationId, upTo: Rev): Promise<void>
}
