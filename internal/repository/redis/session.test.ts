import { describe, expect, it } from '@jest/globals'
import { type SessionId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { passRedisTime, testRedisClient } from '../../testkit/redis-client.ts'
import { sessionCacheContract } from '../contract/session-cache.contract.ts'
import { createRedis } from './client.ts'
import { RedisSessionCache } from './session.ts'

const { redis, prefix } = await testRedisClient()

const fail = (error: unknown) => {
  throw error
}

describe('RedisSessionCache', () => {
  sessionCacheContract(
    () => new RedisSessionCache(redis, prefix, fail),
    (ms) => passRedisTime(redis, ms),
  )

  it('is a miss, not a failure, while Redis is away', async () => {
    const failures: unknown[] = []
    const nobody = createRedis(['redis://127.0.0.1:1'], 'test')
    const cache = new RedisSessionCache(nobody, prefix, (error) => failures.push(error))
    const id = uuidv7<SessionId>()
    await cache.put(id, { userId: uuidv7<UserId>(), role: 'user', status: 'active', ended: false }, 1000)
    expect(await cache.get(id)).toBeNull()
    await cache.forget([id])
    expect(failures).toHaveLength(3)
    nobody.disconnect()
  })
})
