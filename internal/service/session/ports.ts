import type { SessionId, UserId } from '../../domain/ids.ts'

/** A device that signs in. */
export interface Device {
  name: string
  address: string
}

export interface SessionRecord {
  id: SessionId
  userId: UserId
  deviceName: string
  address: string
  createdAt: Date
  lastSeenAt: Date
}

/** What every request needs to know of its session. */
export interface SessionState {
  userId: UserId
  role: 'user' | 'admin'
  status: 'active' | 'suspended' | 'deleted'
  ended: boolean
}

export type EndReason =
  | 'signed_out'
  | 'ended'
  | 'refresh_reuse'
  | 'password_changed'
  | 'password_reset'
  | 'suspended'
  | 'deleted'

export interface NewSession {
  id: SessionId
  userId: UserId
  device: Device
  at: Date
  expiresAt: Date
  refreshHash: Buffer
}

export interface Rotation {
  tokenHash: Buffer
  successorHash: Buffer
  at: Date
  expiresAt: Date
  graceMs: number
  device: Device
}

export type RotationOutcome =
  | { status: 'rotated' | 'repeated'; session: SessionRecord; state: SessionState }
  /** Spent before: the session was ended by this call. */
  | { status: 'reused'; session: SessionRecord }
  /** Never given out, expired, or of a session that ended. */
  | { status: 'unknown' }

/**
 * The truth about sessions. Every method throws DomainError `dependency_unavailable` when the store cannot be
 * asked; a `create` or `rotate` may then have taken effect (a repeated `rotate` answers `repeated`).
 */
export interface SessionRepository {
  /** Stores a session and its first refresh token; beyond `keep` live sessions of the user ends the oldest. */
  create(session: NewSession, keep: number): Promise<{ created: SessionRecord; ended: SessionId[] }>
  /**
   * Spends a refresh token for its successor. `repeated`: it was spent at most `graceMs` ago and its
   * successor not yet. Atomic; parallel calls with one token give one `rotated` and else `repeated`.
   */
  rotate(rotation: Rotation): Promise<RotationOutcome>
  /** Null for one that never was; one that ended is answered as such. */
  state(id: SessionId): Promise<SessionState | null>
  /** Live sessions, the most recently seen first; at most `keep` of `create`. */
  listLive(userId: UserId, now: Date): Promise<SessionRecord[]>
  /** Ends a live session of the user; false when there is none. Safe to repeat. */
  end(userId: UserId, id: SessionId, reason: EndReason, at: Date): Promise<boolean>
  /** Ends all live sessions of the user but `except`; answers those ended. Safe to repeat. */
  endAll(userId: UserId, except: SessionId | null, reason: EndReason, at: Date): Promise<SessionId[]>
  /**
   * Sessions that ended, personal tokens that were revoked or whose owner was suspended at or after `since`,
   * at most 10,000, oldest first, and where to go on from.
   */
  endedSince(since: Date): Promise<{ ids: SessionId[]; upTo: Date }>
  /** Which of these sessions and personal tokens (at most 1,000) ended, expired, or are of nobody active. */
  lapsed(ids: readonly SessionId[], now: Date): Promise<SessionId[]>
  /** True when the user signed in from this address before. */
  knowsAddress(userId: UserId, address: string): Promise<boolean>
  /** True when the user signed in on a device of this name at this address before. */
  knowsDevice(userId: UserId, device: Device): Promise<boolean>
}

/** Spares the database what was just asked, over all nodes; may forget anything at any time. */
export interface SessionCache {
  /** Null when it is not known, or cannot be asked: failures are never the caller's. */
  get(id: SessionId): Promise<SessionState | null>
  /** Kept for at most `ttlMs`. */
  put(id: SessionId, state: SessionState, ttlMs: number): Promise<void>
  forget(ids: readonly SessionId[]): Promise<void>
}

/** Told of sessions that ended, so that their sockets close on every node. A hint: nodes ask as well. */
export interface SessionEvents {
  sessionsEnded(ids: readonly SessionId[]): void
}
