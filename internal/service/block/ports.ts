import type { UserId } from '../../domain/ids.ts'
import type { User } from '../../domain/user.ts'

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; every method may be repeated. */
export interface BlockRepository {
  /**
   * Blocks, or lifts the block; true when that changed anything. In the same transaction the pair's direct
   * conversation gets a new member version, so that a send authorised before is authorised again.
   */
  set(blockerId: UserId, blockedId: UserId, blocked: boolean, at: Date): Promise<boolean>
  /** Blocked users in order of id, after the cursor, `limit` at most. */
  list(blockerId: UserId, after: UserId | null, limit: number): Promise<User[]>
  /** Who of `others` blocked the user, or was blocked by them. */
  among(userId: UserId, others: readonly UserId[]): Promise<{ blockedBy: Set<UserId>; blocking: Set<UserId> }>
}
