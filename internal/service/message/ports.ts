import type { Role } from '../../domain/conversation.ts'
import type { ClientId, ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
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
  payload: string
  /** The payload with its text cut, kept with the conversation for lists. */
  preview: string
}

export type AppendOutcome =
  | { status: 'ok' | 'duplicate' | 'mismatch'; seq: Seq; ordinal: number; stamp: number; era: number }
  /** `stale`: authorise again and repeat. `busy`: repeat, waiting. `gone`: there is no such conversation. */
  | { status: 'stale' | 'busy' | 'gone' }

/**
 * Which seqs a reader wants, at most `limit` (200). `before` and `after` exclude theirs and take the nearest
 * that exist and may be seen; `around` includes it.
 */
export interface SeqRange {
  anchor: 'before' | 'after' | 'around'
  seq: Seq
  limit: number
}

/** What one statement on the primary says about a conversation, as one member may see it. */
export interface Window {
  seq: Seq
  rev: Rev
  /** Names the history these numbers belong to; another one means: start anew. */
  epoch: string
  memberVersion: number
  role: Role
  /** The lowest seq this member may see. */
  firstVisible: Seq
  /** The asked range, cut to what exists and may be seen; empty when from > to. */
  from: Seq
  to: Seq
  /** Rows of the range that the archive may not have yet, ascending. */
  tail: LogEntry[]
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

  /** Null when there is no such conversation or the viewer is not a member of it. */
  window(conversationId: ConversationId, viewerId: UserId, range: SeqRange): Promise<Window | null>

  /** The last seq of each of these conversations (at most 1,000 are asked for); those that exist. */
  heads(conversationIds: readonly ConversationId[]): Promise<Map<ConversationId, Seq>>

  /** Rows still in the log (younger than its retention), ascending; at most 200 seqs are asked for. */
  entries(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]>
}

/** Messages by place, durable beyond the log's retention; written by the relay only. */
export interface MessageArchive {
  /**
   * Rows of a seq range of at most 200, ascending; per seq the newest era's.
   * @throws DomainError dependency_unavailable within 2 s when it cannot be read.
   */
  range(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]>
}

/** What a send's authorisation rests on. */
export interface SendAccess extends Standing {
  memberVersion: number
  /** The other one of a direct conversation has blocked this member. */
  isBlocked: boolean
}

export interface AccessReader {
  /** Read on the primary; null when the user is not a member. */
  access(conversationId: ConversationId, userId: UserId): Promise<SendAccess | null>
}

/** Tells the relay that a conversation's lane has work. Only a hint: it looks by itself, too. */
export interface RelayWaker {
  wake(conversationId: ConversationId): void
}
