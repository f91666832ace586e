import { DomainError, invalid } from '../../domain/errors.ts'
import type { Identity } from '../../domain/identity.ts'
import type { SessionId, UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { RateLimiter } from '../limit/ports.ts'
import type { Device } from '../session/ports.ts'
import type { SessionService } from '../session/sessions.ts'
import type { OneTimeCodes } from '../verification/codes.ts'
import type { Courier } from '../verification/ports.ts'
import { passwordFault } from './auth.ts'
import { PASSWORD_CHANGE } from './limits.ts'
import type { AccountRepository, PasswordHasher } from './ports.ts'

export interface PasswordDeps {
  accounts: AccountRepository
  hasher: PasswordHasher
  sessions: SessionService
  codes: OneTimeCodes
  courier: Courier
  limiter: RateLimiter
  audit: AuditTrail
  clock: Clock
  /** Verified addresses of an account, to tell it what happened. */
  verifiedIdentities(userId: UserId): Promise<Identity[]>
}

/** Passwords changed, forgotten and reset. */
export class PasswordService {
  readonly #deps: PasswordDeps

  constructor(deps: PasswordDeps) {
    this.#deps = deps
  }

  /** All other sessions end. @throws `forbidden` when the current password is wrong; `validation_failed`. */
  async change(actor: Actor, current: string, next: string, address: string): Promise<void> {
    const { accounts, hasher, limiter } = this.#deps
    refuseWeak('newPassword', next)
    await limiter.consume(PASSWORD_CHANGE, actor.userId)
    const account = await accounts.findById(actor.userId)
    if (!account || !(await hasher.verify(account.passwordHash, current))) {
      throw new DomainError('forbidden', 'The current password is wrong.')
    }
    await this.#replace(actor.userId, account.passwordHash, next)
    await this.#tell(actor.userId, actor.sessionId, 'password_changed', address)
  }

  /** Sends a code, if the address is an account's; answers the same if not. */
  forgot(identity: Identity): Promise<void> {
    return this.#deps.codes.request(identity, 'reset')
  }

  /** All sessions end. @throws `unauthenticated` for a wrong code; `validation_failed`. */
  async reset(identity: Identity, code: string, next: string, device: Device): Promise<void> {
    const { accounts, codes } = this.#deps
    refuseWeak('password', next)
    const userId = await codes.check(identity, 'reset', code)
    await codes.redeem(userId, identity, 'reset', code)
    const account = await accounts.findById(userId)
    if (!account) throw new DomainError('unauthenticated', 'The code is wrong or has expired.')
    await this.#replace(userId, account.passwordHash, next)
    await this.#tell(userId, null, 'password_reset', device.address)
  }

  async #replace(userId: UserId, from: string, next: string): Promise<void> {
    const { accounts, hasher, clock } = this.#deps
    const hash = await hasher.hash(next)
    if (await accounts.replaceHash(userId, from, hash, new Date(clock.now()))) return
    throw new DomainError('conflict', 'The password was changed by somebody else meanwhile.')
  }

  async #tell(
    userId: UserId,
    keep: SessionId | null,
    reason: 'password_changed' | 'password_reset',
    address: string,
  ): Promise<void> {
    const { sessions, audit, courier, verifiedIdentities } = this.#deps
    const ended = await sessions.endAll(userId, keep, reason)
    await audit.record({
      action: `auth.${reason}`,
      outcome: 'success',
      actorId: userId,
      sessionId: keep,
      target: userId,
      address,
      details: { sessionsEnded: ended.length },
    })
    const emails = (await verifiedIdentities(userId)).filter(({ kind }) => kind === 'email')
    for (const email of emails) courier.send(userId, email, { kind: 'password_changed' })
  }
}

function refuseWeak(path: string, password: string): void {
  const fault = passwordFault(password)
  if (fault !== null) throw invalid(path, `The password ${fault}.`)
}
