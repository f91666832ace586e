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
