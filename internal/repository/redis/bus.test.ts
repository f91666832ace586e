import { describe, expect, it } from '@jest/globals'
import { eventually } from '../../testkit/eventually.ts'
import { startProxy } from '../../testkit/proxy.ts'
import { testRedisClient } from '../../testkit/redis-client.ts'
import { busContract } from '../contract/bus.contract.ts'
import { RedisBus } from './bus.ts'
import { createRedis } from './client.ts'

const { redis, url, prefix } = await testRedisClient()

const make = (from = url, publisher = redis) =>
  new RedisBus({ urls: [from], prefix, redis: publisher, onError: () => undefined })

describe('RedisBus', () => {
  busContract(() => make())

  it('tells of a lost connection, then hears again and says so', async () => {
    const { hostname, port } = new URL(url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const events: string[] = []
    const stop = new AbortController()
    const ready = Promise.withResolvers<void>()
    const run = make(`redis://127.0.0.1:${proxy.port}`).run(
      {
        onMessage: (_shard, bytes) => events.push(Buffer.from(bytes).toString()),
        onInterrupted: () => events.push('interrupted'),
        onRestored: () => events.push('restored'),
      },
      stop.signal,
      ready.resolve,
    )
    await ready.promise
    await make().publish(2, Buffer.from('before'))
    await eventually(() => expect(events).toEqual(['before']))
    proxy.cut()
    await eventually(() => expect(events).toEqual(['before', 'interrupted', 'restored']))
    await make().publish(2, Buffer.from('after'))
    await eventually(() => expect(events).toEqual(['before', 'interrupted', 'restored', 'after']))
    stop.abort()
    await run
    await proxy.close()
  })

  it('starts without Redis, saying so, and refuses publishes at once', async () => {
    const nowhere = 'redis://127.0.0.1:1'
    const unreachable = createRedis([nowhere], 'test')
    const bus = make(nowhere, unreachable)
    const events: string[] = []
    const stop = new AbortController()
    const ready = Promise.withResolvers<void>()
    const listener = {
      onMessage: () => undefined,
      onInterrupted: () => events.push('interrupted'),
      onRestored: () => events.push('restored'),
    }
    const run = bus.run(listener, stop.signal, ready.resolve)
    await ready.promise
    expect(events).toEqual(['interrupted'])
    await expect(bus.publish(0, Buffer.from('x'))).rejects.toMatchObject({ code: 'dependency_unavailable' })
    stop.abort()
    await run
    unreachable.disconnect()
  })
})
