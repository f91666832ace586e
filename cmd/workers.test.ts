import { once } from 'node:events'
import { createServer } from 'node:net'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { processIdentity } from '../internal/platform/process-identity.ts'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { freePortRow, freePorts } from '../internal/testkit/services/processes.ts'
import { SocketClient } from '../internal/testkit/socket-client.ts'

const WORKERS = 2
let env: Record<string, string>

beforeAll(async () => {
  env = { ...(await clusterEnvironment()), WORKERS: String(WORKERS) }
}, 60_000)

/** Two workers on one port, each with health and metrics of its own at `operations` and the port after it. */
async function start() {
  const port = await freePortRow(1 + WORKERS)
  const operations = port + 1
  const binary = new Binary('api', { ...env, PORT: String(port), OPERATIONS_PORT: String(operations) })
  await eventually(() => expect(binary.stdout + binary.stderr).toContain('all workers ready'))
  /** Pids of the processes that said they serve, in that order. */
  const pids = () =>
    [...binary.stdout.matchAll(/"pid":(\d+),[^\n]*"msg":"ready"/g)].map(([, pid]) => Number(pid))
  const operationsOf = (pid: number) => {
    const line = new RegExp(`"pid":${pid},[^\\n]*"port":(\\d+),"msg":"listening"`)
    return Number(line.exec(binary.stdout)?.[1] ?? 0)
  }
  return { binary, url: `http://127.0.0.1:${port}`, operations, pids, operationsOf }
}

async function openSockets(port: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(/^realchat_open_websockets\{[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? -1)
}

describe('WORKERS', () => {
  it('share the port; one that is killed comes back, and the others serve meanwhile', async () => {
    const { binary, url, operations, pids, operationsOf } = await start()
    const ann = await Person.register(url)
    const sockets = await Promise.all(Array.from({ length: 30 }, () => ann.connect(url)))
    const counts = () => Promise.all([openSockets(operations), openSockets(operations + 1)])
    await eventually(async () => {
      const [one, two] = await counts()
      expect([one + two, one > 0, two > 0]).toEqual([30, true, true])
    })
    const [killed = 0, survivor = 0] = pids()
    const lost = await openSockets(operationsOf(killed))
    process.kill(killed, 'SIGKILL')
    const closed = () => sockets.filter(({ socket }) => socket.readyState === socket.CLOSED)
    await eventually(() => expect(closed()).toHaveLength(lost))
    const left = sockets.filter((one) => !closed().includes(one))
    expect(left.length).toBeGreaterThan(0)
    // What is asked now, the other one answers.
    const bob = await Person.register(url)
    const topic = `chat:${await ann.open(url, 'direct', [bob])}`
    const bobs = await bob.connect(url)
    await Promise.all([bobs.join(topic), ...left.map((one) => one.join(topic))])
    await bobs.push(topic, 'message:send', { content: 'still here' })
    await Promise.all(left.map((one) => one.waitForEvent(topic, 'message:new')))

    await eventually(() => expect(pids()).toHaveLength(WORKERS + 1))
    await Promise.all(Array.from({ length: 30 }, () => ann.connect(url)))
    await eventually(async () => expect((await counts()).every((count) => count > 0)).toBe(true))
    binary.signal('SIGTERM')
    expect(await binary.exited).toEqual({ code: 0, signal: null })
    expect([killed, survivor, pids()[WORKERS] ?? 0].map(processIdentity)).toEqual([null, null, null])
  }, 60_000)

  it('tell sockets to come back and drain when the one that started them is killed', async () => {
    const { binary, url, pids } = await start()
    const ann = await Person.register(url)
    const socket = await SocketClient.connect(url, { token: ann.token })
    binary.signal('SIGKILL')
    await socket.waitForEvent('phoenix', 'system:drain')
    await eventually(() => expect(pids().map(processIdentity)).toEqual([null, null]), { withinMs: 20_000 })
  }, 60_000)

  it.each([
    ['api', { PORT: '0' }, 'PORT: must name a port'],
    ['api', { WORKERS: '0' }, 'WORKERS: must be a whole number from 1'],
    ['standalone', {}, 'WORKERS: must be 1 in standalone'],
  ] as const)('%s refuses %j', async (name, further, message) => {
    const binary = new Binary(name, { ...env, PORT: '4000', ...further })
    expect(await binary.exited).toEqual({ code: 2, signal: null })
    expect(binary.stderr).toContain(message)
  })

  it('ends when they cannot start', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const [port = 0] = await freePorts(1)
    const operations = typeof address === 'object' ? String(address?.port) : ''
    const binary = new Binary('api', { ...env, PORT: String(port), OPERATIONS_PORT: operations })
    expect(await binary.exited).toEqual({ code: 1, signal: null })
    expect(binary.stderr).toContain(`Port ${operations} is in use`)
    taken.close()
  }, 60_000)
})
