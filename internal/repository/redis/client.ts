import { Cluster, Redis, type RedisOptions } from 'ioredis'

export type RedisClient = Redis | Cluster

const COMMAND_TIMEOUT_MS = 1000
const CONNECT_TIMEOUT_MS = 2000
const RETRY_MAX_MS = 2000

/**
 * A client that fails at once while Redis is away (nothing queues up behind it) and reconnects for ever.
 * The caller disconnects it.
 * @param urls one server, or several nodes of a cluster.
 * @param subscriber for a client that only subscribes: it hears nothing unless it subscribes anew after
 *   each `ready`, so that its owner knows of every gap.
 */
export function createRedis(urls: readonly string[], name: string, { subscriber = false } = {}): RedisClient {
  const options = {
    connectionName: name,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: backOff,
    autoResubscribe: !subscriber,
  } satisfies RedisOptions
  const [first = '', ...others] = urls
  const client =
    others.length === 0
      ? new Redis(first, options)
      : new Cluster([...urls], {
          redisOptions: options,
          enableOfflineQueue: false,
          clusterRetryStrategy: backOff,
          shardedSubscribers: subscriber,
        })
  // Each command reports its own failure; this only keeps a lost connection from ending the process.
  client.on('error', () => undefined)
  return client
}

function backOff(attempt: number): number {
  return Math.min(RETRY_MAX_MS, 50 * 2 ** Math.min(attempt, 8)) * (0.5 + Math.random() / 2)
}

/** Resolves when commands can be sent. @throws Error when the client is disconnected first. */
export async function redisReady(client: RedisClient): Promise<void> {
  if (client.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve)
    client.once('end', () => reject(new Error('Redis was disconnected')))
  })
}
