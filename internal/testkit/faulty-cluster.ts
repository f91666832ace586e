import { createCassandraClient } from '../repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../repository/cassandra/message-archive.ts'
import type { MessageArchive } from '../service/message/ports.ts'
import { clusterEnvironment } from './binary.ts'
import type { ChatMessage } from './chat-room.ts'
import { ClusterUnderFaults } from './cluster-under-faults.ts'
import { eventually } from './eventually.ts'
import { FaultRun, type FaultRunOptions } from './fault-run.ts'
import { startFcm } from './fcm.ts'
import { canOwn, type OwnStore, ownCassandra, ownPostgres, ownRabbitmq, ownRedis } from './own-stores.ts'
import { freePorts } from './services/processes.ts'
import { cleanUpAfterFile } from './services.ts'

export type FaultyStore = 'redis' | 'rabbitmq' | 'postgres' | 'cassandra'

const SETTLE_MS = 45_000

/** Two API nodes (0 and 1) and a notifier (2) on stores of their own, with people who chat, and all may be killed. */
export interface FaultyCluster {
  cluster: ClusterUnderFaults
  stores: Partial<Record<FaultyStore, OwnStore>>
  run: FaultRun
  archive: MessageArchive
}

const OWN: Record<FaultyStore, () => Promise<OwnStore>> = {
  redis: ownRedis,
  rabbitmq: ownRabbitmq,
  postgres: ownPostgres,
  cassandra: ownCassandra,
}

/** Stores that are not named, or cannot be had as processes, are the ones that all tests share. */
export async function startFaultyCluster(
  names: readonly FaultyStore[],
  load: Omit<FaultRunOptions, 'urls'>,
): Promise<FaultyCluster> {
  const missing = names.filter((name) => !canOwn(name))
  if (missing.length > 0) process.stdout.write(`not installed, so not killed: ${missing.join(', ')}\n`)
  const stores = Object.fromEntries(
    await Promise.all(names.filter(canOwn).map(async (name) => [name, await OWN[name]()] as const)),
  )
  const env = await clusterEnvironment()
  const client = createCassandraClient({
    contactPoints: [env['CASSANDRA_CONTACT_POINTS'] ?? ''],
    localDc: env['CASSANDRA_LOCAL_DC'] ?? '',
    keyspace: env['CASSANDRA_KEYSPACE'] ?? '',
  })
  cleanUpAfterFile(() => client.shutdown())
  const fcm = await startFcm()
  cleanUpAfterFile(() => fcm.close())
  const cluster = new ClusterUnderFaults()
  const ports = await freePorts(2)
  for (const port of ports) await cluster.start('api', { ...env, PORT: String(port) })
  await cluster.start('notifier', { ...env, FIREBASE_PROJECT_ID: 'test', FCM_ENDPOINT: fcm.url })
  const run = new FaultRun({ ...load, urls: ports.map((port) => `http://127.0.0.1:${port}`) })
  return { cluster, stores, run, archive: new CassandraMessageArchive(client) }
}

/** Ends the load and answers everything that is not as promised; prints what was done. */
export async function faultsAfter({ cluster, run, archive }: FaultyCluster): Promise<string[]> {
  await run.settle(SETTLE_MS)
  const histories = new Map<string, ChatMessage[]>()
  for (const id of run.conversations.keys()) histories.set(id, await run.history(id))
  for (const [id, history] of histories) await run.members(id, history, SETTLE_MS)
  for (const [id, history] of histories) {
    await eventually(() => run.archived(id, history, archive), { withinMs: SETTLE_MS })
  }
  const stored = [...histories.values()].reduce((sum, history) => sum + history.length, 0)
  process.stdout.write(`under faults: ${JSON.stringify({ stored, ...run.counts })}\n`)
  return [
    ...run.misplaced(histories),
    ...run.clients.flatMap(({ faults }) => faults),
    ...cluster.endedByThemselves,
  ]
}
