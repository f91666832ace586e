import type { ConversationId, UserId } from '../../domain/ids.ts'

/**
 * Who is online on which node. A node counts only while its lease runs, so that one which died takes its
 * users offline by itself. Ephemeral: after a loss of the store each node connects its users again.
 *
 * Every method throws DomainError dependency_unavailable when the store cannot be reached, and may be repeated.
 */
export interface PresenceStore {
  /** Idempotent. Answers whether the user was offline before, to exactly one of several nodes at once. */
  connect(userId: UserId, node: string): Promise<boolean>
  /** Idempotent. Answers whether this took the user offline. */
  disconnect(userId: UserId, node: string): Promise<boolean>
  /** Those of `userIds` that are online on any living node. */
  isOnline(userIds: readonly UserId[]): Promise<Set<UserId>>
  /** Begins or prolongs the node's lease. False when there was none: its users must be connected again. */
  renew(node: string): Promise<boolean>
  /** Ends the node's lease: it is draining. */
  retire(node: string): Promise<void>
  /** Forgets dead nodes. Answers the users whom that took offline, each to one caller. */
  expire(): Promise<UserId[]>
}

/** Who is told of whom. */
export interface PresenceMembers {
  /** Members of a conversation after that id, in order of id, `limit` at most. */
  memberIds(id: ConversationId, after: UserId | null, limit: number): Promise<UserId[]>
  /** Keeps when the user was last seen; answers whether they hide it. */
  seen(userId: UserId, at: string): Promise<boolean>
}

/**
 * Milliseconds a lease runs. Others are told within 45 s that a dead node's users are offline: at worst it had
 * just renewed its lease, the others look for the dead just before that ends, and damping comes on top.
 */
export const PRESENCE_LEASE_MS = 25_000
/** Milliseconds between renewals, each of which looks for dead nodes as well. */
export const PRESENCE_RENEW_MS = 10_000
/** Milliseconds somebody may be away before others are told: a socket that reconnects is no news. */
export const PRESENCE_DAMP_MS = 5000
