import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { DomainError, unavailable } from '../../domain/errors.ts'
import type { RateLimit, RateLimiter } from '../../service/limit/ports.ts'
import type { RedisClient } from './client.ts'

/** Counters shared by all nodes. */
export class RedisRateLimiter implements RateLimiter {
  readonly #redis: RedisClient
  readonly #prefix: string
  readonly #scale: number
  readonly #limiters = new Map<string, RateLimiterRedis>()

  /** @param scale multiplies every limit; 0 turns all of them off. */
  constructor(redis: RedisClient, prefix: string, scale: number) {
    this.#redis = redis
    this.#prefix = `${prefix}limit:`
    this.#scale = scale
  }

  async consume(limit: RateLimit, key: string): Promise<void> {
    if (this.#scale === 0) return
    try {
      await this.#limiter(limit).consume(key)
    } catch (error) {
      if (error instanceof RateLimiterRes) {
        throw new DomainError('rate_limited', 'Too many requests; wait before you try again.', {
          retryAfterMs: error.msBeforeNext,
        })
      }
      if (limit.whenDown === 'refuse') throw unavailable('Redis', error)
    }
  }

  async reset(limit: RateLimit, key: string): Promise<void> {
    if (this.#scale === 0) return
    try {
      await this.#limiter(limit).delete(key)
    } catch (error) {
      if (limit.whenDown === 'refuse') throw unavailable('Redis', error)
    }
  }

  #limiter({ name, points, seconds }: RateLimit): RateLimiterRedis {
    const known = this.#limiters.get(name)
    if (known) return known
    const limiter = new RateLimiterRedis({
      storeClient: this.#redis,
      rejectIfRedisNotReady: true,
      keyPrefix: this.#prefix + name,
      points: Math.max(1, Math.floor(points * this.#scale)),
      duration: seconds,
    })
    this.#limiters.set(name, limiter)
    return limiter
  }
}
