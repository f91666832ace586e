import type { ConversationId, Seq, SessionId, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'

/** What stands in the place of what people chose. */
export interface Tombstone {
  username: string
  publicId: string
}

export interface Closed {
  /** Sessions and personal tokens that ended by it. */
  ended: SessionId[]
  /** Whose erasures were begun. */
  conversations: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked: the account may then be closed. */
export interface AccountCloser {
  /**
   * Ends an active account, in one transaction: nobody can sign in, who they were is gone, and each conversation
   * they are or were in has its erasure. Null when the account is not active; so of parallel calls but one.
   */
  close(userId: UserId, tombstone: Tombstone, at: Date): Promise<Closed | null>
}

/** One conversation of a deleted account, with how far its messages there are erased. */
export interface Erasure {
  userId: UserId
  conversationId: ConversationId
  departed: boolean
  afterSeq: Seq
}

/** The open erasures. Throws DomainError `dependency_unavailable`; every method may be repeated. */
export interface ErasureQueue {
  /** The one that waits longest, nobody else's for `leaseMs`; null when there is none. */
  claim(leaseMs: number): Promise<Erasure | null>
  /** The user has left the conversation: nothing of theirs comes any more. */
  depart(erasure: Erasure): Promise<void>
  /** Messages up to there are erased; the next claim may be anybody's. */
  progress(erasure: Erasure, afterSeq: Seq): Promise<void>
  /** All of them are, and what the service noted of the user there. */
  finish(erasure: Erasure): Promise<void>
  /** Messages up to there are erased; nobody's turn before a while, longer each time. */
  postpone(erasure: Erasure, afterSeq: Seq): Promise<void>
}

export interface Successors {
  /** Who follows the owner of a group: of the highest role the longest there; null when there is nobody active. */
  successorOf(conversationId: ConversationId, ownerId: UserId): Promise<UserId | null>
}

export interface Memberships {
  /** Conversations a user is or was in, in order of id, after the cursor, `limit` at most. */
  everOf(userId: UserId, after: ConversationId | null, limit: number): Promise<ConversationId[]>
  /** What a user wrote to be sent later, in order of id. */
  scheduledBy(userId: UserId, after: string | null, limit: number): Promise<ScheduledText[]>
}

export interface ScheduledText {
  id: string
  conversationId: ConversationId
  content: string
  sendAt: string
}

export interface AuthoredPage {
  /** The user's own messages, ascending, deleted ones among them. */
  entries: LogEntry[]
  /** All up to here have been looked at; null when that is the end. */
  next: Seq | null
}
