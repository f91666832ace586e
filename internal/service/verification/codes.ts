import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import { DomainError } from '../../domain/errors.ts'
import type { Identity } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { RateLimit, RateLimiter } from '../limit/ports.ts'
import type { CodePurpose, CodeRepository, Courier } from './ports.ts'

const DIGITS = 6
const MINUTES = 10
const TRIES = 5

/** Codes one address gets, whoever asks: five tries each, so few in a million guesses are ever made. */
const REQUESTS: RateLimit = { name: 'code-request', points: 10, seconds: 3600, whenDown: 'refuse' }

export interface CodeDeps {
  repository: CodeRepository
  courier: Courier
  limiter: RateLimiter
  clock: Clock
  /** 32 bytes: codes are stored as HMACs under it. */
  key: Buffer
}

/** One-time codes: six digits to an address, which prove that whoever types them reads it. */
export class OneTimeCodes {
  readonly #deps: CodeDeps

  constructor(deps: CodeDeps) {
    this.#deps = deps
  }

  /**
   * Sends a code, if the address belongs to an account (a verified one for `sign_in`). Does the same work,
   * and answers the same, if not.
   * @throws DomainError `rate_limited`.
   */
  async request(identity: Identity, purpose: CodePurpose): Promise<void> {
    const { repository, courier, limiter, clock } = this.#deps
    await limiter.consume(REQUESTS, `${identity.kind}:${identity.key}`)
    const owner = await repository.owner(identity)
    const entitled = owner && (purpose !== 'sign_in' || owner.verified) ? owner : null
    const code = String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0')
    const now = clock.now()
    await repository.store({
      identity,
      purpose,
      userId: entitled?.userId ?? null,
      codeHash: this.#hash(identity, purpose, code),
      tries: TRIES,
      at: new Date(now),
      expiresAt: new Date(now + MINUTES * 60_000),
    })
    if (entitled) courier.send(entitled.userId, entitled, { kind: 'code', purpose, code, minutes: MINUTES })
  }

  /**
   * Takes one of the code's five tries. The code stays open until it is redeemed, so that what else is
   * asked for (a second factor) can be asked again.
   * @throws DomainError `unauthenticated` for a wrong, spent, expired or never sent code alike.
   */
  async check(identity: Identity, purpose: CodePurpose, code: string): Promise<UserId> {
    const { repository, clock } = this.#deps
    const attempt = await repository.attempt(identity, purpose, new Date(clock.now()))
    const given = this.#hash(identity, purpose, code)
    if (!attempt || attempt.userId === null || !timingSafeEqual(given, attempt.codeHash)) throw wrongCode()
    return attempt.userId
  }

  /** Uses a checked code up, and takes the address as verified by it. @throws `unauthenticated` the second time. */
  async redeem(userId: UserId, identity: Identity, purpose: CodePurpose, code: string): Promise<void> {
    const { repository, clock } = this.#deps
    const redeemed = await repository.redeem(identity, purpose, this.#hash(identity, purpose, code))
    if (!redeemed) throw wrongCode()
    await repository.markVerified(userId, identity.kind, new Date(clock.now()))
  }

  #hash(identity: Identity, purpose: CodePurpose, code: string): Buffer {
    const text = JSON.stringify([identity.kind, identity.key, purpose, code])
    return createHmac('sha256', this.#deps.key).update(text).digest()
  }
}

function wrongCode(): DomainError {
  return new DomainError('unauthenticated', 'The code is wrong or has expired.')
}
