import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type FaultyCluster, faultsAfter, startFaultyCluster } from '../internal/testkit/faulty-cluster.ts'

const START_MS = 60_000
const RUN_MS = 120_000
/** Between two faults; drawn, so that no two runs are alike. */
const pauseMs = () => 500 + Math.random() * 1500

let all: FaultyCluster

beforeAll(async () => {
  const load = { people: 12, groups: 4, sendsPerSecond: 500 }
  all = await startFaultyCluster(['redis', 'rabbitmq', 'postgres'], load)
}, START_MS)

describe('under load, everything killed once', () => {
  it(
    'stores what was acknowledged once, and shows it to every member once and in order',
    async () => {
      const { cluster, stores, run } = all
      await run.start()
      const [traveller, stayer] = run.clients
      if (traveller) traveller.isAway = true
      traveller?.drop()
      await sleep(pauseMs())
      await cluster.killAndRestart(0)
      stayer?.drop()
      await sleep(pauseMs())
      await cluster.killAndRestart(2)
      for (const store of Object.values(stores)) {
        await sleep(pauseMs())
        await store.kill()
        await sleep(pauseMs())
        await store.restart()
      }
      await sleep(pauseMs())
      await cluster.killAndRestart(1)
      await sleep(pauseMs())
      expect(await faultsAfter(all)).toEqual([])
    },
    RUN_MS,
  )
})
