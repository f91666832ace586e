import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { OwnUser } from '../../domain/user.ts'

/** A user as administrators see them. */
export interface AdminUser extends OwnUser {
  status: 'active' | 'suspended' | 'deleted'
}

export interface AdminUserQuery {
  /** Beginning of a username, lower case. */
  usernamePrefix: string | null
  status: AdminUser['status'] | null
  role: AdminUser['role'] | null
  /** Users with a lower id (made before). */
  before: UserId | null
  limit: number
}

export interface AdminChange {
  status?: 'active' | 'suspended'
  role?: 'user' | 'admin'
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; every method may be repeated. */
export interface AdminRepository {
  /** Newest first, `limit` at most. */
  list(query: AdminUserQuery): Promise<AdminUser[]>
  find(id: UserId): Promise<AdminUser | null>
  findByUsername(usernameKey: string): Promise<AdminUser | null>
  /** Without effect on a deleted user. */
  change(id: UserId, change: AdminChange, at: Date): Promise<void>
  /**
   * Makes the next `limit` of a user's conversations, in order of id, authorise everybody anew; answers where
   * to go on from, null at the end.
   */
  bumpConversations(id: UserId, after: ConversationId | null, limit: number): Promise<ConversationId | null>
}

/** What is counted in the database, to within STATS_AGE_MS. */
export interface StoredStats {
  users: {
    active: number
    suspended: number
    deleted: number
    /** Registered within a day. */
    newToday: number
    /** With a session that was used within a day; refreshing counts, so every open client does. */
    activeToday: number
  }
  /** Signed-in devices. */
  sessions: number
  conversations: { direct: number; group: number }
  /** Ever numbered: deleted ones and system messages count, too. */
  messages: number
  /** Conversations of deleted accounts still to be gone through. */
  erasures: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; may be repeated. */
export interface StatsReader {
  stats(now: Date): Promise<StoredStats>
}

export interface QueueDepth {
  name: string
  /** `work` is done as soon as somebody can; `retry` waits for its time; `dead` was given up. */
  kind: 'work' | 'retry' | 'dead'
  /** Messages that no consumer holds; each carries up to 64 events. */
  messages: number
}

export interface QueueReader {
  /** Every queue of events. @throws DomainError `dependency_unavailable` when it cannot be asked. */
  depths(): Promise<QueueDepth[]>
}
