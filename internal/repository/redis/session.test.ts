import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type SessionId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { testRedis } from '../../testkit/services.ts'
import { sessionCacheContract } from '../contract/session-cache.contract.ts'
import { createRedis, type RedisClient, redisReady } from './client.ts'
import { RedisSessionCache } from './session.ts'

let redis: RedisClient
let prefix: string

const fail = (error: unknown) => {
  throw error
}

beforeAll(async () => {
  const service = await testRedis()
  prefix = service.prefix
  redis = createRedis([service.url], 'test')
  await redisReady(redis)
})

afterAll(() => redis.disconnect())

describe('RedisSessionCache', () => {
  sessionCacheContract(
    () => new RedisSessionCache(redis, prefix, fail),
    async (ms) => {
      const micros = async () =>
        Number((await redis.time()).map((part) => `${part}`.padStart(6, '0')).join(''))
      const start = await micros()
      while ((await micros()) - start <= ms * 1000) await redis.ping()
    },
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
