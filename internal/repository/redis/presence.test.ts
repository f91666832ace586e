import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { testRedis } from '../../testkit/services.ts'
import { presenceStoreContract } from '../contract/presence.contract.ts'
import { createRedis, type RedisClient, redisReady } from './client.ts'
import { RedisPresenceStore } from './presence.ts'

let redis: RedisClient
let prefix: string

beforeAll(async () => {
  const service = await testRedis()
  prefix = service.prefix
  redis = createRedis([service.url], 'test')
  await redisReady(redis)
})
afterAll(() => redis.disconnect())

describe('RedisPresenceStore', () => {
  presenceStoreContract((leaseMs) => new RedisPresenceStore(redis, prefix, leaseMs))

  it('fails at once while Redis is away', async () => {
    const nobody = createRedis(['redis://127.0.0.1:1'], 'test')
    const store = new RedisPresenceStore(nobody, prefix)
    await expect(store.isOnline([])).rejects.toMatchObject({ code: 'dependency_unavailable' })
    nobody.disconnect()
  })
})
