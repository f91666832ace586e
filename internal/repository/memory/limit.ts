import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { DomainError } from '../../domain/errors.ts'
import type { RateLimit, RateLimiter } from '../../service/limit/ports.ts'

/** Counters of one process: the whole truth in standalone, nothing to share a cluster's limits by. */
export class MemoryRateLimiter implements RateLimiter {
  readonly #scale: number
  readonly #limiters = new Map<string, RateLimiterMemory>()

  /** @param scale multiplies every limit; 0 turns all of them off. */
  constructor(scale: number) {
    this.#scale = scale
  }

  async consume(limit: RateLimit, key: string): Promise<void> {
    if (this.#scale === 0) return
    try {
      await this.#limiter(limit).consume(key)
    } catch (error) {
      throw error instanceof RateLimiterRes ? rateLimited(error.msBeforeNext) : error
    }
  }

  async reset(limit: RateLimit, key: string): Promise<void> {
    if (this.#scale !== 0) await this.#limiter(limit).delete(key)
  }

  #limiter({ name, points, seconds }: RateLimit): RateLimiterMemory {
    const known = this.#limiters.get(name)
    if (known) return known
    const limiter = new RateLimiterMemory({
      keyPrefix: name,
      points: Math.max(1, Math.floor(points * this.#scale)),
      duration: seconds,
    })
    this.#limiters.set(name, limiter)
    return limiter
  }
}

/** The refusal every adapter answers with. */
export function rateLimited(retryAfterMs: number): DomainError {
  return new DomainError('rate_limited', 'Too many requests; wait before you try again.', { retryAfterMs })
}
