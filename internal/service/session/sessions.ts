import { DomainError, notFound } from '../../domain/errors.ts'
import { type SessionId, type UserId, uuidv7 } from '../../domain/ids.ts'
import type { Actor, Session } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { SessionGate } from './gate.ts'
import type { Device, EndReason, SessionEvents, SessionRecord, SessionRepository } from './ports.ts'
import { hashRefreshToken, newRefreshToken, successorOf } from './refresh-token.ts'

/** SPEC.md section 7: a lost reply, or two tabs. */
const REFRESH_GRACE_MS = 30_000
const SESSIONS_MAX = 50
const LAPSED_AT_ONCE = 1000

export interface SessionServiceDeps {
  repository: SessionRepository
  gate: SessionGate
  events: SessionEvents
  audit: AuditTrail
  clock: Clock
  /** 32 bytes that derive a refresh token's successor. */
  refreshKey: Buffer
  refreshTtlMs: number
}

export interface OpenedSession {
  session: SessionRecord
  refreshToken: string
}

/** Signed-in devices: opened, refreshed, listed, ended. */
export class SessionService {
  readonly #deps: SessionServiceDeps

  constructor(deps: SessionServiceDeps) {
    this.#deps = deps
  }

  /** The caller has made sure who it is. Beyond SESSIONS_MAX the session longest unseen ends. */
  async open(userId: UserId, device: Device): Promise<OpenedSession> {
    const { repository, clock, refreshTtlMs } = this.#deps
    const now = clock.now()
    const refreshToken = newRefreshToken()
    const refreshHash = hashRefreshToken(refreshToken)
    if (!refreshHash) throw new Error('a new refresh token has the wrong form')
    const { created, ended } = await repository.create(
      {
        id: uuidv7<SessionId>(now),
        userId,
        device,
        at: new Date(now),
        expiresAt: new Date(now + refreshTtlMs),
        refreshHash,
      },
      SESSIONS_MAX,
    )
    await this.announceEnded(ended)
    return { session: created, refreshToken }
  }

  /**
   * Spends a refresh token. A token spent within REFRESH_GRACE_MS whose successor is unused answers that
   * same successor again; any other spent one ends the session.
   * @throws DomainError `unauthenticated`; `forbidden` when the account is suspended.
   */
  async refresh(refreshToken: string, device: Device): Promise<OpenedSession> {
    const { repository, clock, refreshTtlMs, refreshKey } = this.#deps
    const tokenHash = hashRefreshToken(refreshToken)
    const successor = successorOf(refreshToken, refreshKey)
    const successorHash = hashRefreshToken(successor)
    if (!tokenHash || !successorHash) throw notARefreshToken()
    const now = clock.now()
    const outcome = await repository.rotate({
      tokenHash,
      successorHash,
      at: new Date(now),
      expiresAt: new Date(now + refreshTtlMs),
      graceMs: REFRESH_GRACE_MS,
      device,
    })
    if (outcome.status === 'unknown') throw notARefreshToken()
    if (outcome.status === 'reused') {
      await this.announceEnded([outcome.session.id])
      await this.#deps.audit.record({
        action: 'session.refresh_reuse',
        outcome: 'refused',
        actorId: outcome.session.userId,
        sessionId: outcome.session.id,
        address: device.address,
      })
      throw notARefreshToken()
    }
    if (outcome.state.status !== 'active') {
      throw new DomainError('forbidden', 'This account is suspended.')
    }
    return { session: outcome.session, refreshToken: successor }
  }

  async list(actor: Actor): Promise<Session[]> {
    const { repository, clock } = this.#deps
    const records = await repository.listLive(actor.userId, new Date(clock.now()))
    return records.map((record) => presentSession(record, actor.sessionId))
  }

  /** Ends one of the actor's sessions. Ending one that has ended is no error. @throws `not_found`. */
  async end(actor: Actor, id: SessionId, reason: EndReason, address: string): Promise<void> {
    const { repository, clock, audit } = this.#deps
    const ended = await repository.end(actor.userId, id, reason, new Date(clock.now()))
    if (!ended) {
      const state = await repository.state(id)
      if (state?.userId !== actor.userId) throw notFound('session')
      return
    }
    await this.announceEnded([id])
    await audit.record({
      action: reason === 'signed_out' ? 'auth.sign_out' : 'session.end',
      outcome: 'success',
      actorId: actor.userId,
      sessionId: actor.sessionId,
      target: id,
      address,
    })
  }

  /** Ends all sessions of a user but `except`, on every node. */
  async endAll(userId: UserId, except: SessionId | null, reason: EndReason): Promise<SessionId[]> {
    const { repository, clock } = this.#deps
    const ended = await repository.endAll(userId, except, reason, new Date(clock.now()))
    await this.announceEnded(ended)
    return ended
  }

  async endOthers(actor: Actor, address: string): Promise<void> {
    const ended = await this.endAll(actor.userId, actor.sessionId, 'ended')
    await this.#deps.audit.record({
      action: 'session.end_others',
      outcome: 'success',
      actorId: actor.userId,
      sessionId: actor.sessionId,
      address,
      details: { ended: ended.length },
    })
  }

  /**
   * For nodes that close sockets: sessions that ended after `since` (at least once each). This process forgets them:
   * published clients come again at once, and must not be let in to be closed once more.
   */
  async endedSince(since: Date): Promise<{ ids: SessionId[]; upTo: Date }> {
    const { repository, gate } = this.#deps
    const ended = await repository.endedSince(since)
    gate.forgetHere(ended.ids)
    return ended
  }

  /** Of any number of sessions and personal tokens those that nobody can use any more. */
  async lapsed(ids: readonly SessionId[]): Promise<SessionId[]> {
    const { repository, clock } = this.#deps
    const now = new Date(clock.now())
    const lapsed: SessionId[] = []
    for (let start = 0; start < ids.length; start += LAPSED_AT_ONCE) {
      lapsed.push(...(await repository.lapsed(ids.slice(start, start + LAPSED_AT_ONCE), now)))
    }
    return lapsed
  }

  /** For what ended them: this process forgets them, their sockets close. */
  async announceEnded(ids: SessionId[]): Promise<void> {
    if (ids.length === 0) return
    await this.#deps.gate.forget(ids)
    this.#deps.events.sessionsEnded(ids)
  }
}

export function presentSession(record: SessionRecord, current: SessionId): Session {
  return {
    id: record.id,
    deviceName: record.deviceName,
    address: record.address,
    createdAt: record.createdAt.toISOString(),
    lastSeenAt: record.lastSeenAt.toISOString(),
    current: record.id === current,
  }
}

function notARefreshToken(): DomainError {
  return new DomainError('unauthenticated', 'This refresh token is not valid; sign in again.')
}
