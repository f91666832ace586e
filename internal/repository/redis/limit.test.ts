import { describe, expect, it } from '@jest/globals'
import { testRedisClient } from '../../testkit/redis-client.ts'
import { rateLimiterContract } from '../contract/limit.contract.ts'
import { createRedis } from './client.ts'
import { RedisRateLimiter } from './limit.ts'

const { redis, prefix } = await testRedisClient()

describe('RedisRateLimiter', () => {
  rateLimiterContract((scale) => new RedisRateLimiter(redis, prefix, scale))

  it('refuses guessing and allows ordinary use while Redis is away', async () => {
    const nobody = createRedis(['redis://127.0.0.1:1'], 'test')
    const limiter = new RedisRateLimiter(nobody, prefix, 1)
    const limit = { name: 'x', points: 1, seconds: 1 }
    await expect(limiter.consume({ ...limit, whenDown: 'refuse' }, 'a')).rejects.toMatchObject({
      code: 'dependency_unavailable',
    })
    await limiter.consume({ ...limit, whenDown: 'allow' }, 'a')
    nobody.disconnect()
  })
})
