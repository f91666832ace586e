import { createHash, randomBytes } from 'node:crypto'
import { DomainError, notFound } from '../../domain/errors.ts'
import { type SessionId, uuidv7 } from '../../domain/ids.ts'
import type { Actor, Scope } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { SessionEvents } from '../session/ports.ts'
import { SessionEndedError } from '../session/session-ended.ts'
import type { BearerState, PersonalToken, PersonalTokenRepository } from './ports.ts'

export const PERSONAL_TOKEN_PREFIX = 'rcp_'
const TOKENS_MAX = 50

const FORM = /^rcp_[A-Za-z0-9_-]{43}$/
const CACHE_TTL_MS = 500
const CACHE_MAX = 10_000
const TOUCH_EVERY_MS = 60_000

export interface PersonalTokensDeps {
  repository: PersonalTokenRepository
  events: SessionEvents
  audit: AuditTrail
  clock: Clock
}

export interface NewToken {
  name: string
  scopes: readonly Scope[]
  /** Seconds it lives; null for ever. */
  expiresIn: number | null
}

/** Long-lived tokens for programs, each with the scopes its owner chose. */
export class PersonalTokens {
  readonly #deps: PersonalTokensDeps
  readonly #cache = new Map<string, { state: BearerState | null; until: number }>()

  constructor(deps: PersonalTokensDeps) {
    this.#deps = deps
  }

  /** @returns the token itself, this once. @throws `forbidden` for a scope one lacks; `conflict` beyond TOKENS_MAX. */
  async create(
    actor: Actor,
    { name, scopes, expiresIn }: NewToken,
    address: string,
  ): Promise<PersonalToken & { token: string }> {
    const { repository, clock } = this.#deps
    const lacking = scopes.find((scope) => !actor.scopes.has(scope))
    if (lacking) throw new DomainError('forbidden', `You do not have the scope ${lacking} yourself.`)
    const now = clock.now()
    const text = PERSONAL_TOKEN_PREFIX + randomBytes(32).toString('base64url')
    const token: PersonalToken = {
      id: uuidv7(now),
      name,
      scopes: [...new Set(scopes)],
      createdAt: new Date(now),
      lastUsedAt: null,
      expiresAt: expiresIn === null ? null : new Date(now + expiresIn * 1000),
    }
    if (!(await repository.create(actor.userId, token, hashOf(text), TOKENS_MAX))) {
      throw new DomainError('conflict', `There are ${TOKENS_MAX} tokens already; delete one first.`)
    }
    await this.#record('token.create', actor, token.id, address, { scopes: token.scopes.join(' ') })
    return { ...token, token: text }
  }

  list(actor: Actor): Promise<PersonalToken[]> {
    return this.#deps.repository.list(actor.userId, new Date(this.#deps.clock.now()))
  }

  /** Again is no error. @throws `not_found`. */
  async revoke(actor: Actor, id: string, address: string): Promise<void> {
    const { repository, clock, events } = this.#deps
    if (!(await repository.revoke(actor.userId, id, new Date(clock.now())))) {
      if (!(await repository.exists(actor.userId, id))) throw notFound('token')
      return
    }
    this.#cache.clear()
    events.sessionsEnded([id as SessionId])
    await this.#record('token.revoke', actor, id, address, {})
  }

  /** @throws `unauthenticated`; SessionEndedError when revoked or expired; `forbidden` when suspended. */
  async authenticate(token: string): Promise<Actor> {
    const state = FORM.test(token) ? await this.#bearer(hashOf(token)) : null
    if (!state) throw new DomainError('unauthenticated', 'The personal access token is not valid.')
    const now = this.#deps.clock.now()
    if (state.status === 'suspended') throw new DomainError('forbidden', 'This account is suspended.')
    const expired = state.expiresAt !== null && state.expiresAt.getTime() <= now
    if (state.revoked || expired || state.status !== 'active') throw new SessionEndedError()
    // A right taken from the owner is taken from the token.
    const scopes = state.scopes.filter((scope) => scope !== 'admin' || state.role === 'admin')
    return {
      userId: state.userId,
      sessionId: state.id as SessionId,
      personalTokenId: state.id,
      scopes: new Set(scopes),
    }
  }

  /** At most CACHE_TTL_MS behind the database. */
  async #bearer(hash: Buffer): Promise<BearerState | null> {
    const { repository, clock } = this.#deps
    const key = hash.toString('base64')
    const now = clock.now()
    const known = this.#cache.get(key)
    if (known && known.until > now) return known.state
    const state = await repository.bearer(hash)
    if (this.#cache.size >= CACHE_MAX) this.#cache.clear()
    this.#cache.set(key, { state, until: now + CACHE_TTL_MS })
    const lastUsed = state?.lastUsedAt?.getTime() ?? 0
    if (state && !state.revoked && now - lastUsed >= TOUCH_EVERY_MS) {
      await repository.touch(state.id, new Date(now))
    }
    return state
  }

  #record(
    action: string,
    actor: Actor,
    target: string,
    address: string,
    details: Record<string, string>,
  ): Promise<void> {
    const { userId: actorId, sessionId } = actor
    return this.#deps.audit.record({
      action,
      outcome: 'success',
      actorId,
      sessionId,
      target,
      address,
      details,
    })
  }
}

/** 256 random bits need no slow hash. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
