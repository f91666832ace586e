import { DomainError } from '../../domain/errors.ts'
import type { Identity } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { RateLimit, RateLimiter } from '../limit/ports.ts'
import type { Device } from '../session/ports.ts'
import type { Courier } from '../verification/ports.ts'

/** Mails an account gets: whoever has the password could fill the mailbox by changing what the device says. */
const ALERTS: RateLimit = { name: 'sign-in-alert', points: 10, seconds: 3600, whenDown: 'allow' }

export interface SignInAlertDeps {
  courier: Courier
  limiter: RateLimiter
  clock: Clock
  /** True when a session of the user was on a device of this name at this address before. */
  knowsDevice(userId: UserId, device: Device): Promise<boolean>
  /** Verified addresses of an account, to tell it what happened. */
  verifiedIdentities(userId: UserId): Promise<Identity[]>
}

/** Tells the owner of an account of sign-ins from elsewhere. */
export class SignInAlert {
  readonly #deps: SignInAlertDeps

  constructor(deps: SignInAlertDeps) {
    this.#deps = deps
  }

  /** To be asked before the session is there. */
  async isStrange(userId: UserId, device: Device): Promise<boolean> {
    return !(await this.#deps.knowsDevice(userId, device))
  }

  /** Mails the verified address, if there is one. */
  async tell(userId: UserId, device: Device): Promise<void> {
    const { courier, clock, verifiedIdentities } = this.#deps
    const emails = (await verifiedIdentities(userId)).filter(({ kind }) => kind === 'email')
    if (emails.length === 0 || !(await this.#mayTell(userId))) return
    const at = new Date(clock.now())
    for (const email of emails) {
      courier.send(userId, email, { kind: 'new_sign_in', device: device.name, address: device.address, at })
    }
  }

  async #mayTell(userId: UserId): Promise<boolean> {
    try {
      await this.#deps.limiter.consume(ALERTS, userId)
      return true
    } catch (error) {
      if (error instanceof DomainError && error.code === 'rate_limited') return false
      throw error
    }
  }
}
