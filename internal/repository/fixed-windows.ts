import { type IRateLimiterOptions, type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { DomainError, unavailable } from '../domain/errors.ts'
import type { RateLimit, RateLimiter } from '../service/limit/ports.ts'

interface FixedWindowsOptions {
  /** Multiplies every limit; 0 turns all of them off. */
  scale: number
  /** What keeps the counters, as an error names it. */
  store: string
  /** Makes the counters of one limit. */
  open(options: Required<Pick<IRateLimiterOptions, 'keyPrefix' | 'points' | 'duration'>>): RateLimiterAbstract
}

/** RateLimiter by rate-limiter-flexible, wherever that keeps its counters. */
export class FixedWindows implements RateLimiter {
  readonly #options: FixedWindowsOptions
  readonly #opened = new Map<string, RateLimiterAbstract>()

  constructor(options: FixedWindowsOptions) {
    this.#options = options
  }

  async consume(limit: RateLimit, key: string): Promise<void> {
    if (this.#options.scale === 0) return
    try {
      await this.#of(limit).consume(key)
    } catch (error) {
      if (error instanceof RateLimiterRes) {
        throw new DomainError('rate_limited', 'Too many requests; wait before you try again.', {
          retryAfterMs: error.msBeforeNext,
        })
      }
      if (limit.whenDown === 'refuse') throw unavailable(this.#options.store, error)
    }
  }

  async reset(limit: RateLimit, key: string): Promise<void> {
    if (this.#options.scale === 0) return
    try {
      await this.#of(limit).delete(key)
    } catch (error) {
      if (limit.whenDown === 'refuse') throw unavailable(this.#options.store, error)
    }
  }

  #of({ name, points, seconds }: RateLimit): RateLimiterAbstract {
    const known = this.#opened.get(name)
    if (known) return known
    const { open, scale } = this.#options
    const opened = open({
      keyPrefix: name,
      points: Math.max(1, Math.floor(points * scale)),
      duration: seconds,
    })
    this.#opened.set(name, opened)
    return opened
  }
}
