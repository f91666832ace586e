import type { Clock } from '../../platform/clock.ts'

interface BreakerOptions {
  clock: Clock
  /** Failures in a row that open it. */
  failures?: number
  /** Milliseconds it stays open before one call may try again. */
  openMs?: number
}

/** Refused without a try, as the last ones failed. */
class BreakerOpen extends Error {
  constructor() {
    super('Not tried: the last calls failed.')
    this.name = 'BreakerOpen'
  }
}

/** Fails at once while a dependency is down, so that callers do not queue up behind timeouts. */
export class Breaker {
  readonly #clock: Clock
  readonly #failures: number
  readonly #openMs: number
  #failed = 0
  #triedAt = 0

  constructor({ clock, failures = 5, openMs = 1000 }: BreakerOptions) {
    this.#clock = clock
    this.#failures = failures
    this.#openMs = openMs
  }

  get isOpen(): boolean {
    return this.#failed >= this.#failures
  }

  /** @throws BreakerOpen without calling, or what the call throws. */
  async call<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.isOpen) {
      const now = this.#clock.now()
      if (now - this.#triedAt < this.#openMs) throw new BreakerOpen()
      this.#triedAt = now
    }
    try {
      const result = await work()
      this.#failed = 0
      return result
    } catch (error) {
      this.#failed++
      if (this.#failed === this.#failures) this.#triedAt = this.#clock.now()
      throw error
    }
  }
}
