import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processIdentity } from '../../platform/process-identity.ts'
import type { NativeService } from './native.ts'
import { userId } from './native-postgres.ts'
import { findProgram, freePorts, isRoot, launch, untilReady, versionsIn } from './processes.ts'

// Debian's /usr/sbin/rabbitmq-server refuses other users than root and rabbitmq; the one below does not.
const findServer = () =>
  findProgram('rabbitmq-server', [
    ...versionsIn('/usr/lib/rabbitmq/lib').map((folder) => join(folder, 'sbin')),
    '/usr/lib/rabbitmq/bin',
  ])

export const nativeRabbitmq: NativeService<'rabbitmq'> = {
  label: 'RabbitMQ',
  packages: ['rabbitmq-server'],
  installed: () => findServer() !== null && findProgram('epmd') !== null,
  async start(folder, started) {
    const [port = 0, distribution, management, epmd] = await freePorts(4)
    const user = isRoot ? 'rabbitmq' : undefined
    if (user) chownSync(folder, userId(user, 'u'), userId(user, 'g'))
    writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_management].\n')
    writeFileSync(
      join(folder, 'rabbitmq.conf'),
      `management.tcp.port = ${management}\nmanagement.tcp.ip = 127.0.0.1\ndisk_free_limit.absolute = 50MB\n`,
    )
    // A name server of its own: the one Erlang would start for itself stays behind when the broker ends.
    const env = { ERL_EPMD_ADDRESS: '127.0.0.1', ERL_EPMD_PORT: String(epmd) }
    const logFile = join(folder, 'rabbitmq.log')
    started(launch({ command: findProgram('epmd') ?? 'epmd', args: [], env, logFile, user }))
    const broker = launch({
      command: findServer() ?? 'rabbitmq-server',
      args: [],
      env: { ...env, ...brokerEnv(folder, port, distribution ?? 0) },
      logFile,
      user,
    })
    started(broker)
    const managementUrl = `http://guest:guest@127.0.0.1:${management}`
    await untilReady('RabbitMQ', broker, logFile, () => answersRabbitmq(managementUrl))
    const beam = erlang(join(folder, 'pid'))
    if (beam) started(beam)
    return { url: `amqp://guest:guest@127.0.0.1:${port}`, managementUrl }
  },
}

function brokerEnv(folder: string, port: number, distribution: number): Record<string, string> {
  return {
    HOME: folder,
    RABBITMQ_NODENAME: `realchat${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  }
}

/** The broker itself, a child of the shell script that was launched. */
function erlang(pidFile: string): { pid: number; identity: string } | null {
  if (!existsSync(pidFile)) return null
  const pid = Number(readFileSync(pidFile, 'utf8'))
  const identity = processIdentity(pid)
  return identity === null ? null : { pid, identity }
}

/**
 * One call of the management API.
 * @param managementUrl with user and password
 * @throws when the answer is not a success (404 counts as one for DELETE)
 */
export async function rabbitmqApi(
  managementUrl: string,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const { origin, username, password } = new URL(managementUrl)
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  const response = await fetch(`${origin}/api/${path}`, {
    method,
    headers: { authorization: `Basic ${credentials.toString('base64')}`, 'content-type': 'application/json' },
    body: body ? JSON.stringify(body) : null,
    signal: AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  if (!response.ok && !(method === 'DELETE' && response.status === 404))
    throw new Error(`RabbitMQ answered ${response.status} to ${method} ${path}: ${text}`)
  return text ? JSON.parse(text) : null
}

/** @throws when the management API, which is up after the broker, does not answer */
export async function answersRabbitmq(managementUrl: string): Promise<void> {
  await rabbitmqApi(managementUrl, 'GET', 'overview')
}
