import { Cluster, Redis, type RedisOptions } from 'ioredis'

export type RedisClient = Redis | Cluster

const COMMAND_TIMEOUT_MS = 1000
const CONNECT_TIMEOUT_MS = 2000
const RETRY_MAX_MS = 2000
/** Of one command while a cluster rearranges itself. */
const REDIRECTIONS_MAX = 5

/**
 * A client that fails at once while Redis is away (nothing queues up behind it) and reconnects for ever.
 * The caller disconnects it.
 * @param urls one server, or several nodes of a cluster, which all take the first one's password and TLS.
 */
export function createRedis(urls: readonly string[], name: string): RedisClient {
  const [first = '', ...others] = urls
  return others.length === 0 ? createServerClient(first, name) : createClusterClient(urls, name)
}

/**
 * The same for one server, whether or not it is part of a cluster.
 * @param subscriber for a client that only subscribes: it hears nothing unless it subscribes anew after
 *   each `ready`, so that its owner knows of every gap.
 */
export function createServerClient(url: string, name: string, { subscriber = false } = {}): Redis {
  const retry = { retryStrategy: backOff, autoResubscribe: !subscriber }
  return silenced(new Redis(url, { ...optionsOf(name), ...retry }))
}

function createClusterClient(urls: readonly string[], name: string): Cluster {
  const [first = ''] = urls
  return silenced(
    new Cluster([...urls], {
      redisOptions: { ...optionsOf(name), ...credentialsOf(first) },
      enableOfflineQueue: false,
      clusterRetryStrategy: backOff,
      maxRedirections: REDIRECTIONS_MAX,
      // Else every command waits for a node that is away, or for the cluster to be whole again.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      // Names are kept for TLS, whose certificates are made out to them.
      dnsLookup: (address, callback) => callback(null, address),
    }),
  )
}

function optionsOf(name: string) {
  return {
    connectionName: name,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
  } satisfies RedisOptions
}

/** For nodes that are not in the list: the driver has nothing but their addresses. */
function credentialsOf(url: string): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
  const { protocol, username, password } = new URL(url)
  return {
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

/** The URL of another node of the same cluster, by its address as nodes write it, `host:port`. */
export function sameClusterUrl(url: string, address: string): string {
  const end = address.lastIndexOf(':')
  const host = address.slice(0, end)
  const other = new URL(url)
  other.host = `${host.includes(':') ? `[${host}]` : host}${address.slice(end)}`
  return other.href
}

/** Each command reports its own failure; this only keeps a lost connection from ending the process. */
function silenced<Client extends RedisClient>(client: Client): Client {
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
