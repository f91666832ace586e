import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { eventually } from '../eventually.ts'
import type { NativeService } from './native.ts'
import { findProgram, freePorts, launch, type ProcessRecord, untilReady } from './processes.ts'

export const nativeRedis: NativeService<'redis'> = {
  label: 'Redis',
  packages: ['redis-server'],
  installed: () => findProgram('redis-server') !== null,
  start: (folder, started) => startRedis(folder, {}, started),
}

/** @param more options beyond those of every server, `requirepass` for example. */
async function startRedis(
  folder: string,
  more: Record<string, string>,
  started: (record: ProcessRecord) => void,
): Promise<{ url: string }> {
  const [port] = await freePorts(1)
  const logFile = join(folder, 'redis.log')
  const own = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder }
  const options = { ...own, ...more }
  const record = launch({
    command: findProgram('redis-server') ?? 'redis-server',
    args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    logFile,
  })
  started(record)
  const password = more['requirepass']
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`
  await untilReady('Redis', record, logFile, () => answersRedis(url))
  return { url }
}

/** Milliseconds of silence after which the other nodes take one for dead. */
const NODE_TIMEOUT_MS = 2000

/** A node that knows no others yet. Its password is the cluster's. */
export async function startRedisNode(
  folder: string,
  password: string,
  started: (record: ProcessRecord) => void,
): Promise<{ url: string }> {
  const [busPort] = await freePorts(1)
  const cluster = {
    'cluster-enabled': 'yes',
    // The usual one, ten thousand above the other port, may be beyond the last there is.
    'cluster-port': String(busPort),
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    requirepass: password,
  }
  return startRedis(folder, cluster, started)
}

/** Makes a cluster of masters of nodes that know no others. */
export async function joinRedisNodes(urls: readonly string[], password: string): Promise<void> {
  const command = findProgram('redis-cli') ?? 'redis-cli'
  const args = ['--cluster', 'create', ...urls.map((url) => new URL(url).host), '--cluster-yes']
  await promisify(execFile)(command, args, { env: { ...process.env, REDISCLI_AUTH: password } })
  await wholeRedisCluster(urls)
}

/** Resolves when every node says that all slots are served. */
export async function wholeRedisCluster(urls: readonly string[]): Promise<void> {
  const isWhole = async (redis: Redis) => {
    const info = String(await redis.cluster('INFO'))
    if (!info.includes('cluster_state:ok')) throw new Error(`the cluster is not whole: ${info}`)
  }
  await eventually(async () => {
    for (const url of urls) await withRedis(url, isWhole)
  })
}

/** @throws when it does not answer a PING */
export async function answersRedis(url: string): Promise<void> {
  await withRedis(url, (redis) => redis.ping())
}

async function withRedis(url: string, work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 })
  // Without a listener a refused connection would be reported twice, once on standard error.
  redis.on('error', () => {})
  try {
    await redis.connect()
    await work(redis)
  } finally {
    redis.disconnect()
  }
}
