import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Binary, clusterEnvironment } from '../../internal/testkit/binary.ts'
import { startFcm } from '../../internal/testkit/fcm.ts'
import { canOwn, ownPostgres } from '../../internal/testkit/own-stores.ts'
import type { BenchOptions, Row } from '../scenario.ts'
import { collectGarbage } from './garbage.ts'

/** The service as real processes. */
export interface Stack {
  name: 'standalone' | 'full stack'
  url: string
  port: number
  /** For what is written past the service. */
  env: Record<string, string>
  /** Kilobytes of the process that serves, its garbage collected. */
  rssAtRest(): Promise<number>
  /** Committed rows that the relay has not carried on. */
  backlog(): Promise<number>
  stop(): Promise<void>
}

// Passwords are not what is measured.
const CHEAP = { ARGON2_MEMORY_KIB: '8192', ARGON2_ITERATIONS: '1', RATE_LIMIT_SCALE: '0', LOG_LEVEL: 'info' }
/** Of the image and of `npm start`; and for `collectGarbage`, which listens only once it is asked to. */
const NODE = { NODE_OPTIONS: '--max-semi-space-size=64 --inspect-port=127.0.0.1:0' }

/** Embedded PostgreSQL with fsync, relay, queue and notifier in one process, on an empty folder. */
export async function startStandalone(): Promise<Stack> {
  const dataDir = mkdtempSync(join(tmpdir(), 'realchat-bench-'))
  const env = { ...CHEAP, ...NODE, DATA_DIR: dataDir, PORT: '0' }
  const server = new Binary('standalone', env)
  return stackOf('standalone', server, [server], env, () => rmSync(dataDir, { recursive: true, force: true }))
}

/** One API process and a notifier over PostgreSQL with fsync, Cassandra, Redis and RabbitMQ. */
export async function startFullStack(): Promise<Stack> {
  if (canOwn('postgres')) await ownPostgres()
  else console.warn('PostgreSQL is that of the tests, which may not wait for its disk')
  const env = { ...(await clusterEnvironment()), ...CHEAP }
  const fcm = await startFcm()
  const api = new Binary('api', { ...env, ...NODE })
  const notifier = new Binary('notifier', { ...env, FIREBASE_PROJECT_ID: 'bench', FCM_ENDPOINT: fcm.url })
  await notifier.ready()
  return stackOf('full stack', api, [api, notifier], env, () => fcm.close())
}

/** A scenario's run against a stack of its own. */
export function on(
  start: () => Promise<Stack>,
  work: (stack: Stack, options: BenchOptions) => Promise<Row[]>,
) {
  return async (options: BenchOptions) => {
    const stack = await start()
    try {
      return await work(stack, options)
    } finally {
      await stack.stop()
    }
  }
}

async function stackOf(
  name: Stack['name'],
  server: Binary,
  all: readonly Binary[],
  env: Record<string, string>,
  cleanUp: () => unknown,
): Promise<Stack> {
  const port = await server.ready()
  const url = `http://127.0.0.1:${port}`
  return {
    name,
    url,
    port,
    env,
    rssAtRest: async () => {
      await collectGarbage(server)
      return rssOf(server.child.pid)
    },
    backlog: () => backlogAt(url),
    stop: async () => {
      for (const binary of all) binary.signal('SIGKILL')
      await Promise.all(all.map(({ exited }) => exited))
      await cleanUp()
    },
  }
}

function rssOf(pid: number | undefined): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

async function backlogAt(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const rows = metrics.matchAll(/^realchat_relay_\w+_backlog\{[^}]*\} (\d+)$/gm)
  return [...rows].reduce((sum, [, count]) => sum + Number(count), 0)
}
