import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { testRedis } from '../../testkit/services.ts'
import { rateLimiterContract } from '../contract/limit.contract.ts'
import { createRedis, type RedisClient, redisReady } from './client.ts'
import { RedisRateLimiter } from './limit.ts'

let redis: RedisClient
let prefix: string

beforeAll(async () => {
  const service = await testRedis()
  prefix = service.prefix
  redis = createRedis([service.url], 'test')
  await redisReady(redis)
})

afterAll(() => redis.disconnect())

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
