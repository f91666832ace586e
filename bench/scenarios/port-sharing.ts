import { type ChildProcess, fork } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { Scenario } from '../scenario.ts'

// How two processes share a port: by the kernel (SO_REUSEPORT) or by node:cluster, whose primary accepts and
// hands sockets on. Once a socket is open there is no difference; what is measured is opening them.

const PORT = 4960
const WORKERS = 2
const CONNECTIONS = 20_000
const AT_ONCE = 200

type Sharing = 'reusePort' | 'cluster'

interface SharingOutcome {
  sharing: Sharing
  connectionsPerSecond: number
  /** CPU seconds of all server processes for the whole run, primary included. */
  serverCpuSeconds: number
  /** Share of the connections that the busiest worker got; 0.5 is even. */
  busiest: number
}

const role = process.argv[2]
if (role === 'reusePort' || role === 'cluster') await serve(role)

export const portSharing: Scenario = {
  name: 'port-sharing',
  about: 'two processes on one port, by the kernel and by node:cluster',
  run: async ({ smoke }) => {
    const count = smoke ? 400 : CONNECTIONS
    return [{ ...(await measure('reusePort', count)) }, { ...(await measure('cluster', count)) }]
  },
}

async function measure(sharing: Sharing, count: number): Promise<SharingOutcome> {
  const servers = sharing === 'reusePort' ? [start(sharing), start(sharing)] : [start(sharing)]
  try {
    await Promise.all(servers.map((server) => once(server, 'message')))
    const began = performance.now()
    const answers = await connections(count)
    const seconds = (performance.now() - began) / 1000
    const spent = await Promise.all(servers.map(cpuOf))
    const shares = [...answers.values()]
    return {
      sharing,
      connectionsPerSecond: Math.round(count / seconds),
      serverCpuSeconds: Number(spent.reduce((sum, one) => sum + one, 0).toFixed(2)),
      busiest: Number((Math.max(...shares) / count).toFixed(3)),
    }
  } finally {
    for (const server of servers) server.kill('SIGTERM')
  }
}

function start(sharing: Sharing): ChildProcess {
  return fork(import.meta.filename, [sharing], { execArgv: [] })
}

async function cpuOf(server: ChildProcess): Promise<number> {
  const told = once(server, 'message')
  server.send('cpu')
  const [seconds]: unknown[] = await told
  return Number(seconds)
}

/** Which process answered how many, of as many short connections. */
async function connections(count: number): Promise<Map<string, number>> {
  const answers = new Map<string, number>()
  let left = count
  const one = async () => {
    while (left-- > 0) {
      const pid = await request()
      answers.set(pid, (answers.get(pid) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  return answers
}

function request(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(PORT, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    )
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text.slice(text.lastIndexOf('\n') + 1)))
  })
}

async function serve(sharing: Sharing): Promise<void> {
  process.on('SIGTERM', () => process.exit(0))
  const pid = String(process.pid)
  if (sharing === 'cluster' && cluster.isPrimary) {
    const workers = Array.from({ length: WORKERS }, () => cluster.fork())
    await Promise.all(workers.map((worker) => once(worker, 'listening')))
    process.on('message', async () => {
      const spent = await Promise.all(workers.map(askCpu))
      process.send?.(cpuSeconds() + spent.reduce((sum, one) => sum + one, 0))
    })
    process.send?.('ready')
    return
  }
  const server = createServer((_request, response) => {
    response.setHeader('content-length', pid.length)
    response.end(pid)
  })
  server.listen({ port: PORT, host: '127.0.0.1', backlog: 4096, reusePort: sharing === 'reusePort' })
  await once(server, 'listening')
  process.on('message', () => process.send?.(cpuSeconds()))
  if (sharing === 'reusePort') process.send?.('ready')
}

async function askCpu(worker: {
  send(message: string): boolean
  on(event: 'message', listener: (message: unknown) => void): unknown
}): Promise<number> {
  return new Promise((resolve) => {
    worker.on('message', (message) => resolve(Number(message)))
    worker.send('cpu')
  })
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
