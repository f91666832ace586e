import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type FaultyCluster, faultsAfter, startFaultyCluster } from '../internal/testkit/faulty-cluster.ts'

const pauseMs = () => 300 + Math.random() * 1500
let all: FaultyCluster
beforeAll(async () => {
  all = await startFaultyCluster(['redis', 'rabbitmq', 'postgres'], { people: 12, groups: 4, sendsPerSecond: 400 })
}, 60_000)

describe('under load, nodes killed while redis and rabbitmq are away', () => {
  it('holds', async () => {
    const { cluster, stores, run } = all
    await run.start()
    await sleep(pauseMs())
    await Promise.all([stores.redis.kill(), stores.rabbitmq.kill()])
    await sleep(pauseMs())
    await cluster.killAndRestart(0)
    await sleep(pauseMs())
    await cluster.killAndRestart(2)
    await stores.postgres.kill()
    await sleep(pauseMs())
    await Promise.all([stores.postgres.restart(), cluster.killAndRestart(1)])
    await sleep(pauseMs())
    await Promise.all([stores.redis.restart(), stores.rabbitmq.restart(), cluster.killAndRestart(0)])
    await sleep(pauseMs())
    await stores.redis.kill()
    await cluster.killAndRestart(2)
    await stores.redis.restart()
    await sleep(pauseMs())
    expect(await faultsAfter(all)).toEqual([])
  }, 180_000)
})
