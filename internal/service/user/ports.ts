import type { UserId } from '../../domain/ids.ts'
import type { OwnUser, User } from '../../domain/user.ts'

export interface ProfileChange {
  username?: string
  displayName?: string
  avatarUrl?: string | null
  hideLastSeen?: boolean
}

export interface UserSearch {
  /** Beginning of a username, lower case. */
  usernamePrefix: string | null
  /** Exact keys. */
  email: string | null
  phone: string | null
  publicId: string | null
  /** Usernames after this one. */
  after: string | null
  limit: number
}

/**
 * Users as others and they themselves see them; deleted ones stay as `Deleted user`. Throws DomainError
 * `dependency_unavailable` when the store cannot be asked; every method may be repeated.
 */
export interface UserRepository {
  /** Those that exist, in any order, a hidden lastSeenAt as null. At most 1,000 ids a call. */
  byIds(ids: readonly UserId[]): Promise<User[]>
  own(id: UserId): Promise<OwnUser | null>
  /** Active users, ascending by username; `limit` at most. */
  search(search: UserSearch): Promise<User[]>
  /** @throws DomainError `conflict` when the username is taken. */
  change(id: UserId, change: ProfileChange): Promise<void>
  /** @throws DomainError `conflict` in the (unlikely) case that the public id is taken. */
  setPublicId(id: UserId, publicId: string): Promise<void>
}
