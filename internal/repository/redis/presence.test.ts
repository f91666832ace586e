import { describe, expect, it } from '@jest/globals'
import { testRedisClient } from '../../testkit/redis-client.ts'
import { presenceStoreContract } from '../contract/presence.contract.ts'
import { createRedis } from './client.ts'
import { RedisPresenceStore } from './presence.ts'

const { redis, prefix } = await testRedisClient()

describe('RedisPresenceStore', () => {
  presenceStoreContract((leaseMs) => new RedisPresenceStore(redis, prefix, leaseMs))

  it('fails at once while Redis is away', async () => {
    const nobody = createRedis(['redis://127.0.0.1:1'], 'test')
    const store = new RedisPresenceStore(nobody, prefix)
    await expect(store.isOnline([])).rejects.toMatchObject({ code: 'dependency_unavailable' })
    nobody.disconnect()
  })
})
