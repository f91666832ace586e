import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type FaultyCluster, faultsAfter, startFaultyCluster } from '../internal/testkit/faulty-cluster.ts'

const START_MS = 240_000
const SOAK_MS = Number(process.env['SOAK_SECONDS'] ?? 300) * 1000
const pauseMs = () => 500 + Math.random() * 4500

let all: FaultyCluster

beforeAll(async () => {
  const load = { people: 20, groups: 10, sendsPerSecond: 500 }
  all = await startFaultyCluster(['redis', 'rabbitmq', 'postgres', 'cassandra'], load)
}, START_MS)

/** One fault after the other, whichever comes, two at a time now and then. */
async function fault({ cluster, stores, run }: FaultyCluster): Promise<void> {
  const acts = [
    ...[0, 1, 2].map((index) => () => cluster.killAndRestart(index)),
    ...Object.values(stores).map((store) => async () => {
      await store.kill()
      await sleep(pauseMs())
      await store.restart()
    }),
    async () => {
      const client = run.clients[Math.floor(Math.random() * run.clients.length)]
      if (!client) return
      client.isAway = true
      client.drop()
      await sleep(pauseMs())
      client.isAway = false
    },
  ]
  const first = Math.floor(Math.random() * acts.length)
  const second = Math.floor(Math.random() * acts.length)
  const chosen = Math.random() < 0.3 ? new Set([first, second]) : new Set([first])
  await Promise.all([...chosen].map((index) => acts[index]?.()))
}

describe('under load, for minutes, everything killed again and again', () => {
  it('stores what was acknowledged once, and shows it to every member once and in order', async () => {
    await all.run.start()
    const until = Date.now() + SOAK_MS
    while (Date.now() < until) {
      await fault(all)
      await sleep(pauseMs())
    }
    expect(await faultsAfter(all)).toEqual([])
  })
})
