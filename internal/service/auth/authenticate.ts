import { DomainError } from '../../domain/errors.ts'
import { type Actor, SCOPES, type Scope } from '../../domain/user.ts'
import type { SessionGate } from '../session/gate.ts'
import type { SessionState } from '../session/ports.ts'
import { SessionEndedError } from '../session/session-ended.ts'
import { PERSONAL_TOKEN_PREFIX, type PersonalTokens } from '../token/personal-tokens.ts'
import type { AccessTokens } from './access-token.ts'

const ADMIN_SCOPES: ReadonlySet<Scope> = new Set(SCOPES)
const USER_SCOPES: ReadonlySet<Scope> = new Set(SCOPES.filter((scope) => scope !== 'admin'))

/** Bearer token → actor, on every request and upgrade. */
export class TokenAuthenticator {
  readonly #tokens: AccessTokens
  readonly #gate: SessionGate
  readonly #personal: PersonalTokens

  constructor(tokens: AccessTokens, gate: SessionGate, personal: PersonalTokens) {
    this.#tokens = tokens
    this.#gate = gate
    this.#personal = personal
  }

  /** @throws DomainError `unauthenticated`, SessionEndedError, `forbidden` when suspended. */
  async authenticate(token: string): Promise<Actor> {
    if (token.startsWith(PERSONAL_TOKEN_PREFIX)) return this.#personal.authenticate(token)
    const { userId, sessionId } = await this.#tokens.verify(token)
    const state = await this.#gate.state(sessionId)
    if (state?.userId !== userId) throw new SessionEndedError()
    requireLive(state)
    return { userId, sessionId, scopes: state.role === 'admin' ? ADMIN_SCOPES : USER_SCOPES }
  }
}

function requireLive(state: SessionState): void {
  if (state.status === 'suspended') throw new DomainError('forbidden', 'This account is suspended.')
  if (state.ended || state.status !== 'active') throw new SessionEndedError()
}
