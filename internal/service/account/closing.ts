import { DomainError, invalid } from '../../domain/errors.ts'
import { timeOfUuidv7, type UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditTrail } from '../audit/ports.ts'
import { PASSWORD_CHANGE } from '../auth/limits.ts'
import type { AccountRepository, PasswordHasher } from '../auth/ports.ts'
import type { SecondFactor } from '../auth/second-factor.ts'
import type { RateLimiter } from '../limit/ports.ts'
import type { SessionService } from '../session/sessions.ts'
import { newPublicId } from '../user/public-id.ts'
import type { AccountCloser } from './ports.ts'

export interface ClosingDeps {
  closer: AccountCloser
  accounts: AccountRepository
  hasher: PasswordHasher
  secondFactor: SecondFactor
  sessions: SessionService
  authoriseAnew(userId: UserId): Promise<void>
  limiter: RateLimiter
  audit: AuditTrail
  clock: Clock
}

/** Who signed in just now need not say the password again. */
const FRESH_SIGN_IN_MS = 10 * 60_000

export interface Proof {
  /** Needed once the sign-in is not fresh any more. */
  password?: string | undefined
  /** Of the second factor. */
  code?: string | undefined
}

/** The end of an account at its owner's wish. */
export class AccountClosing {
  readonly #deps: ClosingDeps

  constructor(deps: ClosingDeps) {
    this.#deps = deps
  }

  /**
   * At once nobody can sign in, every session and socket ends and the profile is `Deleted user`; what they wrote is
   * erased from then on (Erasures).
   * @throws DomainError `forbidden` for a wrong password, `validation_failed` for one missing; `totp_required`, `unauthenticated` for the second factor
   */
  async close(actor: Actor, proof: Proof, address: string): Promise<void> {
    const { closer, sessions, authoriseAnew, audit, clock } = this.#deps
    await this.#demand(actor, proof)
    const publicId = newPublicId()
    const tombstone = { username: `deleted-${publicId}`, publicId }
    const closed = await closer.close(actor.userId, tombstone, new Date(clock.now()))
    if (!closed) return
    await sessions.announceEnded(closed.ended)
    await authoriseAnew(actor.userId)
    await audit.record({
      action: 'user.delete',
      outcome: 'success',
      actorId: actor.userId,
      sessionId: actor.sessionId,
      target: actor.userId,
      address,
      details: { conversations: closed.conversations },
    })
  }

  /** A session alone could be a device left unlocked. */
  async #demand(actor: Actor, { password, code }: Proof): Promise<void> {
    const { accounts, hasher, secondFactor, limiter, clock } = this.#deps
    await limiter.consume(PASSWORD_CHANGE, actor.userId)
    if (password !== undefined) {
      const account = await accounts.findById(actor.userId)
      if (!account || !(await hasher.verify(account.passwordHash, password))) {
        throw new DomainError('forbidden', 'The password is wrong.')
      }
    } else if (clock.now() - timeOfUuidv7(actor.sessionId) > FRESH_SIGN_IN_MS) {
      throw invalid('password', 'is needed: the sign-in is over ten minutes old')
    }
    await secondFactor.demand(actor.userId, code)
  }
}
