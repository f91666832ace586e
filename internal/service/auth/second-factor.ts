import { createHmac, randomBytes } from 'node:crypto'
import { DomainError } from '../../domain/errors.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { RateLimiter } from '../limit/ports.ts'
import { SECOND_FACTOR } from './limits.ts'
import type { SecondFactorRepository } from './ports.ts'
import type { Secrets } from './secrets.ts'
import { base32, otpauthUrl, totpStep } from './totp.ts'

const PURPOSE = 'totp'
const SECRET_BYTES = 20
const RECOVERY_CODES = 10

export interface SecondFactorDeps {
  repository: SecondFactorRepository
  secrets: Secrets
  limiter: RateLimiter
  audit: AuditTrail
  clock: Clock
}

/** TOTP (RFC 6238) with recovery codes. */
export class SecondFactor {
  readonly #deps: SecondFactorDeps

  constructor(deps: SecondFactorDeps) {
    this.#deps = deps
  }

  /** A new secret, in force once `enable` has seen a code of it. @throws `conflict` when one is in force. */
  async setup(actor: Actor): Promise<{ secret: string; otpauthUrl: string }> {
    const secret = randomBytes(SECRET_BYTES)
    const sealed = this.#deps.secrets.seal(PURPOSE, actor.userId, secret)
    if (!(await this.#deps.repository.propose(actor.userId, sealed))) throw inForce()
    return { secret: base32(secret), otpauthUrl: otpauthUrl(secret, actor.userId) }
  }

  /** @returns recovery codes, shown this once. @throws `conflict`; `validation_failed` for a wrong code. */
  async enable(actor: Actor, code: string, address: string): Promise<string[]> {
    const { repository, clock, limiter } = this.#deps
    await limiter.consume(SECOND_FACTOR, actor.userId)
    const factor = await repository.find(actor.userId)
    if (!factor) throw new DomainError('conflict', 'Set a second factor up first.')
    if (factor.enabled) throw inForce()
    const step = totpStep(this.#open(actor.userId, factor.secretSealed), code, clock.now())
    if (step === null) throw wrongCode()
    const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode)
    const hashes = codes.map((recovery) => this.#hash(actor.userId, recovery))
    if (!(await repository.enable(actor.userId, step, hashes, new Date(clock.now())))) throw inForce()
    await this.#record('auth.totp_enable', actor, address)
    return codes
  }

  /** Without effect when none is in force. @throws `unauthenticated` for a wrong code. */
  async disable(actor: Actor, code: string, address: string): Promise<void> {
    await this.demand(actor.userId, code)
    await this.#deps.repository.disable(actor.userId)
    await this.#record('auth.totp_disable', actor, address)
  }

  /**
   * Passes when the account has no second factor, or the code is right: a code of the authenticator, each
   * once, or an unused recovery code.
   * @throws DomainError `totp_required` without a code, `unauthenticated` for a wrong one.
   */
  async demand(userId: UserId, code: string | undefined): Promise<void> {
    const { repository, clock, limiter } = this.#deps
    const factor = await repository.find(userId)
    if (!factor?.enabled) return
    if (code === undefined) throw new DomainError('totp_required', 'Give a code of your second factor, too.')
    await limiter.consume(SECOND_FACTOR, userId)
    const now = clock.now()
    const step = totpStep(this.#open(userId, factor.secretSealed), code, now)
    const right =
      step === null
        ? await repository.takeRecovery(userId, this.#hash(userId, code), new Date(now))
        : await repository.takeStep(userId, step)
    if (!right) throw new DomainError('unauthenticated', 'The code of the second factor is wrong.')
  }

  #open(userId: UserId, sealed: Buffer): Buffer {
    return this.#deps.secrets.open(PURPOSE, userId, sealed)
  }

  #hash(userId: UserId, recoveryCode: string): Buffer {
    const plain = recoveryCode.toLowerCase().replaceAll(/[^0-9a-z]/g, '')
    return createHmac('sha256', this.#deps.secrets.derive('recovery-code'))
      .update(`${userId} ${plain}`)
      .digest()
  }

  #record(action: string, actor: Actor, address: string): Promise<void> {
    const { userId: actorId, sessionId } = actor
    return this.#deps.audit.record({
      action,
      outcome: 'success',
      actorId,
      sessionId,
      target: actorId,
      address,
    })
  }
}

/** Fifty random bits, in two groups to type off paper. */
function newRecoveryCode(): string {
  const text = base32(randomBytes(7)).toLowerCase()
  return `${text.slice(0, 5)}-${text.slice(5, 10)}`
}

function inForce(): DomainError {
  return new DomainError('conflict', 'A second factor is in force already.')
}

function wrongCode(): DomainError {
  return new DomainError('validation_failed', 'The code is not the authenticator’s.', {
    errors: [{ path: 'code', message: 'is wrong' }],
  })
}
