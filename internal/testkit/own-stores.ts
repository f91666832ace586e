import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processIdentity } from '../platform/process-identity.ts'
import type { NativeService } from './services/native.ts'
import { answersCassandra, nativeCassandra, startCassandra } from './services/native-cassandra.ts'
import { answersPostgres, nativePostgres } from './services/native-postgres.ts'
import { answersRabbitmq, nativeRabbitmq } from './services/native-rabbitmq.ts'
import {
  answersRedis,
  joinRedisNodes,
  nativeRedis,
  startRedisNode,
  wholeRedisCluster,
} from './services/native-redis.ts'
import { freePorts, isAlive, type ProcessRecord, relaunch } from './services/processes.ts'
import type { Addresses, ServiceName } from './services/state.ts'
import { cleanUpAfterFile } from './services.ts'

const RESTART_WITHIN_MS = 120_000
const POLL_MS = 50

/** A store of one test file's own, which it may kill. */
export interface OwnStore {
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again on the data it left; resolves when it answers. */
  restart(): Promise<void>
}

interface StoreSpec<Name extends ServiceName> {
  service: NativeService<Name>
  /** Which of the processes that the service starts is the store. */
  mainProcess: number
  answers(address: NonNullable<Addresses[Name]>): Promise<void>
  variables(address: NonNullable<Addresses[Name]>): Record<string, string>
  /** Further arguments from the first restart on. */
  args?: readonly string[]
}

// As in production: what is acknowledged has been written.
const DURABLE = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on'].flatMap((one) => ['-c', one])

const NATIVE = {
  postgres: nativePostgres,
  redis: nativeRedis,
  rabbitmq: nativeRabbitmq,
  cassandra: nativeCassandra,
}

/** Whether the store can be run as a process of this machine; containers are not killed here. */
export function canOwn(name: ServiceName): boolean {
  return NATIVE[name].installed()
}

/** PostgreSQL that keeps what it acknowledged. The test file's services are this one from now on. */
export async function ownPostgres(): Promise<OwnStore> {
  const store = await own({
    service: nativePostgres,
    mainProcess: 0,
    answers: ({ url }) => answersPostgres(url),
    variables: ({ url }) => ({ TEST_DATABASE_URL: url }),
    args: DURABLE,
  })
  await store.kill()
  await store.restart()
  return store
}

export function ownRedis(): Promise<OwnStore> {
  return own({
    service: nativeRedis,
    mainProcess: 0,
    answers: ({ url }) => answersRedis(url),
    variables: ({ url }) => ({ TEST_REDIS_URL: url }),
  })
}

export function ownRabbitmq(): Promise<OwnStore> {
  return own({
    service: nativeRabbitmq,
    // The first is its name server.
    mainProcess: 1,
    answers: ({ managementUrl }) => answersRabbitmq(managementUrl),
    variables: ({ url, managementUrl }) => ({
      TEST_RABBITMQ_URL: url,
      TEST_RABBITMQ_MANAGEMENT_URL: managementUrl,
    }),
  })
}

export function ownCassandra(): Promise<OwnStore> {
  return own({
    service: nativeCassandra,
    mainProcess: 0,
    answers: answersCassandra,
    variables: ({ contactPoints, localDc }) => ({
      TEST_CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
      TEST_CASSANDRA_LOCAL_DC: localDc,
    }),
  })
}

/** Thirds of Cassandra's ring. */
const TOKENS = ['-9223372036854775808', '-3074457345618258603', '3074457345618258602']

/** Three nodes of one cluster, on addresses of the loopback network. */
export async function ownCassandraCluster(): Promise<{
  nodes: OwnStore[]
  contactPoints: string[]
  localDc: string
}> {
  const [nativePort = 0, storagePort = 0, ...jmxPorts] = await freePorts(2 + TOKENS.length)
  const hosts = TOKENS.map((_, n) => `127.0.0.${n + 1}`)
  const nodes: OwnStore[] = []
  for (const [n, token] of TOKENS.entries()) {
    const place = { nativePort, storagePort, token, host: hosts[n] ?? '', jmxPort: jmxPorts[n] ?? 0 }
    const node = await own<'cassandra'>({
      service: { ...nativeCassandra, start: (folder, started) => startCassandra(folder, place, started) },
      mainProcess: 0,
      answers: answersCassandra,
      variables: () => ({}),
    })
    nodes.push(node)
  }
  return { nodes, contactPoints: hosts.map((host) => `${host}:${nativePort}`), localDc: 'datacenter1' }
}

const REDIS_NODES = 3

/** Three masters of one Redis Cluster with a password, each with a third of the slots and no replica. */
export async function ownRedisCluster(): Promise<{
  nodes: OwnStore[]
  urls: string[]
  /** Resolves when every node says that all slots are served. */
  whole(): Promise<void>
}> {
  const password = randomBytes(8).toString('hex')
  const nodes: OwnStore[] = []
  const urls: string[] = []
  for (let n = 0; n < REDIS_NODES; n++) {
    const node = await own<'redis'>({
      service: {
        ...nativeRedis,
        start: async (folder, started) => {
          const address = await startRedisNode(folder, password, started)
          urls.push(address.url)
          return address
        },
      },
      mainProcess: 0,
      answers: ({ url }) => answersRedis(url),
      variables: () => ({}),
    })
    nodes.push(node)
  }
  await joinRedisNodes(urls, password)
  return { nodes, urls, whole: () => wholeRedisCluster(urls) }
}

async function own<Name extends ServiceName>(spec: StoreSpec<Name>): Promise<OwnStore> {
  const folder = mkdtempSync(join(tmpdir(), 'realchat-own-'))
  chmodSync(folder, 0o755)
  const started: ProcessRecord[] = []
  cleanUpAfterFile(async () => {
    for (const record of started) await killWithChildren(record)
    rmSync(folder, { recursive: true, force: true })
  })
  const address = await spec.service.start(folder, (record) => started.push(record))
  Object.assign(process.env, spec.variables(address))
  const first = started[spec.mainProcess]
  if (!first) throw new Error(`${spec.service.label} started no process`)
  let current = first
  return {
    kill: () => killWithChildren(current),
    restart: async () => {
      const deadline = Date.now() + RESTART_WITHIN_MS
      for (;;) {
        // It ends at once while the killed one's children still hold what it needs.
        if (!isAlive(current)) {
          current = relaunch(first, spec.args)
          started.push(current)
        }
        try {
          return await spec.answers(address)
        } catch (error) {
          if (Date.now() > deadline) throw error
          await sleep(POLL_MS)
        }
      }
    },
  }
}

/** The children, too: RabbitMQ is a shell script's. */
async function killWithChildren(record: ProcessRecord): Promise<void> {
  if (!isAlive(record)) return
  const all = family(record.pid)
  for (const pid of all) kill(pid)
  while (all.some((pid) => processIdentity(pid) !== null)) await sleep(POLL_MS)
}

function kill(pid: number): void {
  if (processIdentity(pid) !== null) process.kill(pid, 'SIGKILL')
}

function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap((child) => family(Number(child)))]
}

/** None of a process that ends meanwhile. */
function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  } catch (error) {
    if (processIdentity(pid) === null) return []
    throw error
  }
}
