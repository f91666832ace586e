import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { createCassandraClient } from '../internal/repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../internal/repository/cassandra/message-archive.ts'
import { clusterEnvironment } from '../internal/testkit/binary.ts'
import type { ChatMessage } from '../internal/testkit/chat-room.ts'
import { ClusterUnderFaults } from '../internal/testkit/cluster-under-faults.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { FaultRun } from '../internal/testkit/fault-run.ts'
import { startFcm } from '../internal/testkit/fcm.ts'
import { type OwnStore, ownPostgres, ownRabbitmq, ownRedis } from '../internal/testkit/own-stores.ts'
import { freePorts } from '../internal/testkit/services/processes.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'

const START_MS = 60_000
const RUN_MS = 120_000
const SETTLE_MS = 45_000
/** Between two faults; drawn, so that no two runs are alike. */
const pauseMs = () => 500 + Math.random() * 1500

const cluster = new ClusterUnderFaults()
let stores: Record<'redis' | 'rabbitmq' | 'postgres', OwnStore>
let archive: CassandraMessageArchive
let run: FaultRun

beforeAll(async () => {
  const [redis, rabbitmq, postgres] = await Promise.all([ownRedis(), ownRabbitmq(), ownPostgres()])
  stores = { redis, rabbitmq, postgres }
  const env = await clusterEnvironment()
  const client = createCassandraClient({
    contactPoints: [env['CASSANDRA_CONTACT_POINTS'] ?? ''],
    localDc: env['CASSANDRA_LOCAL_DC'] ?? '',
    keyspace: env['CASSANDRA_KEYSPACE'] ?? '',
  })
  cleanUpAfterFile(() => client.shutdown())
  archive = new CassandraMessageArchive(client)
  const fcm = await startFcm()
  cleanUpAfterFile(() => fcm.close())
  const ports = await freePorts(2)
  for (const port of ports) await cluster.start('api', { ...env, PORT: String(port) })
  await cluster.start('notifier', { ...env, FIREBASE_PROJECT_ID: 'test', FCM_ENDPOINT: fcm.url })
  run = new FaultRun({
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    people: 12,
    groups: 4,
    sendsPerSecond: 250,
  })
}, START_MS)

describe('under load, everything killed once', () => {
  it(
    'stores what was acknowledged once, and shows it to every member once and in order',
    async () => {
      await run.start()
      const killed: string[] = []
      const fault = async (what: string, act: () => Promise<void>) => {
        await sleep(pauseMs())
        killed.push(what)
        await act()
      }
      const [traveller, stayer] = run.clients
      if (traveller) traveller.isAway = true
      traveller?.drop()
      await fault('an API node', () => cluster.killAndRestart(0))
      await fault('a connection', async () => stayer?.drop())
      await fault('the notifier', () => cluster.killAndRestart(2))
      for (const name of ['redis', 'rabbitmq', 'postgres'] as const) {
        await fault(name, () => stores[name].kill())
        await fault(`${name} back`, () => stores[name].restart())
      }
      await fault('the other API node', () => cluster.killAndRestart(1))
      await sleep(pauseMs())
      await run.settle(SETTLE_MS)

      const wrong = run.clients.flatMap(({ faults }) => faults)
      process.stdout.write(
        `faults: ${JSON.stringify({ wrong: wrong.length, ...run.counts })}\n${wrong.slice(0, 10).join('\n')}\n`,
      )
      const histories = new Map<string, ChatMessage[]>()
      for (const id of run.conversations.keys()) histories.set(id, await run.history(id))
      for (const [id, history] of histories) await run.members(id, history, SETTLE_MS)
      for (const [id, history] of histories) {
        await eventually(() => run.archived(id, history, archive), { withinMs: SETTLE_MS })
      }
      const stored = [...histories.values()].reduce((sum, history) => sum + history.length, 0)
      process.stdout.write(`faults: ${JSON.stringify({ killed: killed.length, stored, ...run.counts })}\n`)
      expect(run.misplaced(histories)).toEqual([])
      expect(run.clients.flatMap(({ faults }) => faults)).toEqual([])
      expect(cluster.endedByThemselves).toEqual([])
    },
    RUN_MS,
  )
})
