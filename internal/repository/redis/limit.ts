import { RateLimiterRedis } from 'rate-limiter-flexible'
import { FixedWindows } from '../fixed-windows.ts'
import type { RedisClient } from './client.ts'

/** Counters shared by all nodes. */
export class RedisRateLimiter extends FixedWindows {
  /** @param scale multiplies every limit; 0 turns all of them off. */
  constructor(redis: RedisClient, prefix: string, scale: number) {
    super({
      scale,
      store: 'Redis',
      open: ({ keyPrefix, ...options }) =>
        new RateLimiterRedis({
          ...options,
          storeClient: redis,
          rejectIfRedisNotReady: true,
          keyPrefix: `${prefix}limit:${keyPrefix}`,
        }),
    })
  }
}
