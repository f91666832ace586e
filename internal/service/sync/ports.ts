import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'

/** Where a client is in a conversation, and where a conversation is. */
export interface SyncCursor {
  seq: Seq
  rev: Rev
  /** Names the history these numbers belong to. */
  epoch: string
}

export interface SyncEnd extends SyncCursor {
  /** The user has hidden a message at this very rev, which a client at this place may not know. */
  hasHidden: boolean
}

/** Read on the primary. Throws DomainError `dependency_unavailable` when the store cannot be asked. */
export interface SyncStore {
  /** Ends of those of these conversations (at most 500 are asked for) that the user is a member of. */
  ends(userId: UserId, ids: readonly ConversationId[]): Promise<Map<ConversationId, SyncEnd>>

  /** The user's conversations but these, last active first. */
  others(userId: UserId, except: readonly ConversationId[], limit: number): Promise<ConversationId[]>
}
