import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, describe, expect, it } from '@jest/globals'
import { SHARDS } from '../../realtime/ports.ts'
import { eventually } from '../../testkit/eventually.ts'
import { canOwn, ownRedisCluster } from '../../testkit/own-stores.ts'
import { passRedisTime } from '../../testkit/redis-client.ts'
import { busContract } from '../contract/bus.contract.ts'
import { rateLimiterContract } from '../contract/limit.contract.ts'
import { presenceStoreContract } from '../contract/presence.contract.ts'
import { sessionCacheContract } from '../contract/session-cache.contract.ts'
import { RedisBus } from './bus.ts'
import { createRedis, createServerClient, redisReady } from './client.ts'
import { RedisRateLimiter } from './limit.ts'
import { RedisPresenceStore } from './presence.ts'
import { RedisSessionCache } from './session.ts'

const prefix = 'test:'
const PATIENCE_MS = 60_000

/** The adapters on a cluster of which they are told two nodes of three. */
async function clusterSuite(): Promise<void> {
  const { urls, nodes, whole } = await ownRedisCluster()
  const known = urls.slice(0, 2)
  const redis = createRedis(known, 'test')
  await redisReady(redis)
  afterAll(() => redis.disconnect())
  const errors: unknown[] = []
  const make = (seeds = known) =>
    new RedisBus({ urls: seeds, prefix, redis, onError: (error) => errors.push(error) })

  /** A listener, with what it was told, and a shard's word to it. */
  async function listen(seeds = known) {
    const heard = new Set<number>()
    const told: string[] = []
    const stop = new AbortController()
    const ready = Promise.withResolvers<void>()
    const listener = {
      onMessage: (shard: number) => heard.add(shard),
      onInterrupted: () => told.push('interrupted'),
      onRestored: () => told.push('restored'),
    }
    const run = make(seeds).run(listener, stop.signal, ready.resolve)
    await ready.promise
    /** Resolves when something said on every one of these shards was heard. */
    const hears = (shards: readonly number[]) =>
      eventually(async () => {
        for (const shard of shards) if (!heard.has(shard)) await make().publish(shard, Buffer.from('x'))
        expect(shards.filter((shard) => !heard.has(shard))).toEqual([])
      })
    const end = async () => {
      stop.abort()
      await run
    }
    return { heard, told, hears, end }
  }

  const all = Array.from({ length: SHARDS }, (_, shard) => shard)

  describe('RedisBus on a cluster', () => {
    busContract(() => make())

    it('is not interrupted by a node that it was told of and that has no channel, however often it is away', async () => {
      let tries = 0
      const gone = createServer((socket) => {
        tries++
        socket.destroy()
      }).listen(0, '127.0.0.1')
      await once(gone, 'listening')
      const address = gone.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      const { told, hears, end } = await listen([...known, `redis://127.0.0.1:${address.port}`])
      await hears(all)
      const before = tries
      await eventually(() => {
        if (tries < before + 3) throw new Error('not tried yet')
      })
      await end()
      gone.close()
      expect(told).toEqual([])
    })

    it(
      'follows a shard whose slot moves to another node, and says that it may have missed something',
      async () => {
        const { told, hears, heard, end } = await listen()
        await hears(all)
        const admins = urls.map((url) => createServerClient(url, 'test'))
        await Promise.all(admins.map(redisReady))
        const channel = `${prefix}bus:5`
        const slot = Number(await admins[0]?.cluster('KEYSLOT', channel))
        const answers = await Promise.allSettled(admins.map((admin) => admin.spublish(channel, '')))
        const other = admins[answers.findIndex(({ status }) => status === 'rejected')]
        const target = String(await other?.cluster('MYID'))
        for (const admin of admins) await admin.cluster('SETSLOT', slot, 'NODE', target)
        await eventually(() => expect(told).toEqual(['interrupted', 'restored']))
        heard.clear()
        await hears([5])
        for (const admin of admins) admin.disconnect()
        await end()
      },
      PATIENCE_MS,
    )

    it(
      'hears the other shards while a node is down, and all when it is back',
      async () => {
        const { told, hears, heard, end } = await listen()
        await hears(all)
        await nodes[2]?.kill()
        await eventually(() => expect(told).toEqual(['interrupted']))
        heard.clear()
        const settled = await Promise.allSettled(all.map((shard) => make().publish(shard, Buffer.from('x'))))
        const reached = all.filter((shard) => settled[shard]?.status === 'fulfilled')
        expect(reached.length).toBeGreaterThan(0)
        expect(reached.length).toBeLessThan(SHARDS)
        await hears(reached)
        await nodes[2]?.restart()
        await whole()
        await eventually(() => expect(told).toEqual(['interrupted', 'restored']))
        heard.clear()
        await hears(all)
        await end()
      },
      PATIENCE_MS,
    )
  })

  describe('RedisPresenceStore on a cluster', () => {
    presenceStoreContract((leaseMs) => new RedisPresenceStore(redis, prefix, leaseMs))
  })

  describe('RedisSessionCache on a cluster', () => {
    sessionCacheContract(
      () => new RedisSessionCache(redis, prefix, (error) => errors.push(error)),
      (ms) => passRedisTime(redis, ms),
    )
  })

  describe('RedisRateLimiter on a cluster', () => {
    rateLimiterContract((scale) => new RedisRateLimiter(redis, prefix, scale))
  })
}
if (canOwn('redis')) await clusterSuite()
else describe.skip('Redis Cluster', () => it('needs redis-server', () => undefined))
