import type { UserId } from '../../domain/ids.ts'
import type { Scope } from '../../domain/user.ts'

export interface PersonalToken {
  id: string
  name: string
  scopes: Scope[]
  createdAt: Date
  lastUsedAt: Date | null
  expiresAt: Date | null
}

/** A token as its bearer's requests are judged by. */
export interface BearerState extends PersonalToken {
  userId: UserId
  role: 'user' | 'admin'
  status: 'active' | 'suspended' | 'deleted'
  revoked: boolean
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; all but `create` may be repeated. */
export interface PersonalTokenRepository {
  /** False when the user has `max` live tokens already; holds against parallel calls. */
  create(userId: UserId, token: PersonalToken, hash: Buffer, max: number): Promise<boolean>
  /** Live tokens, the newest first. */
  list(userId: UserId, now: Date): Promise<PersonalToken[]>
  /** True when this call revoked it. */
  revoke(userId: UserId, id: string, at: Date): Promise<boolean>
  /** Whether the user has, or had, such a token. */
  exists(userId: UserId, id: string): Promise<boolean>
  /** By the token's SHA-256; a revoked or expired one is answered as such. */
  bearer(hash: Buffer): Promise<BearerState | null>
  /** Notes that it was used. */
  touch(id: string, at: Date): Promise<void>
}
