import { DomainError } from '../../domain/errors.ts'

/** Lets a bounded number of tasks run at once and a bounded number wait, in order of arrival. */
export class Turnstile {
  readonly #atOnce: number
  readonly #waitingMax: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(atOnce: number, waitingMax: number) {
    this.#atOnce = atOnce
    this.#waitingMax = waitingMax
  }

  /** @throws DomainError `overloaded` when too many wait; whatever the task throws. */
  async pass<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      if (this.#waiting.length >= this.#waitingMax) {
        throw new DomainError('overloaded', 'Too many sign-ins at once.', { retryAfterMs: 2000 })
      }
      // Whoever leaves hands its place over, so #running stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running++
    }
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
