import { randomUUID } from 'node:crypto'
import type { ClientId, ConversationId, UserId } from '../../internal/domain/ids.ts'
import { createCassandraClient } from '../../internal/repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../../internal/repository/cassandra/message-archive.ts'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { Person } from '../../internal/testkit/client.ts'
import { percentile } from '../client/measure.ts'
import { type BenchOptions, type Row, type Scenario, sized } from '../scenario.ts'
import { ChatSocket } from '../service/chat-socket.ts'
import { on, type Stack, startFullStack, startStandalone } from '../service/stack.ts'

// By hand also ten million: HISTORY_DEPTHS=10000000 npm run bench -- history
const DEPTHS = (process.env['HISTORY_DEPTHS'] ?? '10,10000,1000000').split(',').map(Number)
const PAGES = 400
const CHUNK = 2000

/** The first rounds warm up connections, statements and code. */
function percentiles(latencies: readonly number[], warmUps: number): Row {
  const warm = latencies.slice(warmUps)
  return { p50Ms: percentile(warm, 0.5), p99Ms: percentile(warm, 0.99) }
}

/** As if so many messages had been sent and archived, past the service: rows, and the head that counts them. */
async function fill({ env }: Stack, id: ConversationId, senderId: UserId, depth: number): Promise<void> {
  const client = createCassandraClient({
    contactPoints: (env['CASSANDRA_CONTACT_POINTS'] ?? '').split(','),
    localDc: env['CASSANDRA_LOCAL_DC'] ?? '',
    keyspace: env['CASSANDRA_KEYSPACE'] ?? '',
  })
  const archive = new CassandraMessageArchive(client)
  const began = (Date.now() - 60_000) * 1000 - depth
  for (let from = 1; from <= depth; from += CHUNK) {
    const rows = Array.from({ length: Math.min(CHUNK, depth - from + 1) }, (_, index) => {
      const seq = from + index
      const payload = JSON.stringify({ type: 'text', content: `message ${seq} ${'x'.repeat(120)}` })
      const operationId = randomUUID() as ClientId
      const place = { conversationId: id, seq, rev: 0, era: 1, ordinal: seq, stamp: began + seq }
      return { ...place, senderId, operationId, payload, state: null }
    })
    await archive.write(rows)
  }
  await client.shutdown()
  const pool = createPool({ url: env['DATABASE_URL'] ?? '', max: 1, applicationName: 'bench' })
  const update = 'update heads set seq = $2, ordinal = $2, stamp = $3 where conversation_id = $1'
  await pool.query(update, [id, depth, began + depth]).finally(() => pool.end())
}

async function timeOf(work: () => Promise<{ status: number }>): Promise<number> {
  const began = performance.now()
  const { status } = await work()
  if (status !== 200) throw new Error(`answered ${status}`)
  return performance.now() - began
}

async function history(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const { url } = stack
  const rows: Row[] = []
  const ann = await Person.register(url)
  for (const asked of DEPTHS) {
    const depth = sized(asked, options, 10)
    const id = await ann.open(url, 'direct', [await Person.register(url)])
    await fill(stack, id as ConversationId, ann.id as UserId, depth)
    const latencies: number[] = []
    for (let n = 0; n < sized(PAGES, options, 20); n++) {
      const before = 1 + Math.ceil(Math.random() * depth)
      const path = `/conversations/${id}/messages?limit=50&before=${before}`
      latencies.push(await timeOf(() => ann.call(url, 'GET', path)))
    }
    rows.push({ asked, messages: depth, ...percentiles(latencies, 10) })
  }
  return rows
}

const CONVERSATIONS = 20
const MISSED = 50
const ROUNDS = 60
const STACKS: readonly Stack['name'][] = ['standalone', 'full stack']
const WAYS = { joins: 'joins on one socket', sync: 'POST /sync' }

/** Somebody comes back to so many messages in so many conversations: by joining all, and by one sync. */
async function catchUp(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const { url, port, name } = stack
  const [ann, bob] = [await Person.register(url), await Person.register(url)]
  const ids: string[] = []
  for (let n = 0; n < CONVERSATIONS; n++) ids.push(await ann.open(url, 'group', [bob]))
  const sender = await ChatSocket.open(port, ann.token)
  const cursors: Record<string, { seq: number; rev: number; epoch: string }> = {}
  for (const id of ids) {
    const topic = `chat:${id}`
    cursors[id] = cursorIn(await sender.join(topic))
    const send = (n: number) =>
      new Promise<void>((sent) => {
        sender.push(topic, 'message:send', `{"content":"missed ${n}"}`, () => sent())
      })
    await Promise.all(Array.from({ length: MISSED }, (_, n) => send(n)))
  }
  const joined: number[] = []
  const synced: number[] = []
  for (let round = 0; round < sized(ROUNDS, options, 5); round++) {
    const socket = await ChatSocket.open(port, bob.token)
    const began = performance.now()
    await Promise.all(ids.map((id) => socket.join(`chat:${id}`, cursors[id])))
    joined.push(performance.now() - began)
    socket.close()
    synced.push(await timeOf(() => bob.call(url, 'POST', '/sync', { cursors })))
  }
  sender.close()
  const warmUps = options.smoke ? 1 : 10
  return [
    { stack: name, way: WAYS.joins, ...percentiles(joined, warmUps) },
    { stack: name, way: WAYS.sync, ...percentiles(synced, warmUps) },
  ]
}

function cursorIn(reply: string) {
  const response = JSON.parse(reply)[4].response
  return { seq: Number(response.seq), rev: Number(response.rev), epoch: String(response.epoch) }
}

export const readingScenarios: readonly Scenario[] = [
  {
    name: 'history',
    about: 'pages of 50 at random places of conversations of growing depth, from the archive',
    budgets: DEPTHS.flatMap((asked) => [
      { where: { asked }, figure: 'p50Ms', atMost: 5 },
      { where: { asked }, figure: 'p99Ms', atMost: 20 },
    ]),
    run: on(startFullStack, history),
  },
  {
    name: 'catch-up',
    about: '1,000 missed messages over 20 conversations',
    budgets: STACKS.flatMap((stack) =>
      Object.values(WAYS).map((way) => ({ where: { stack, way }, figure: 'p50Ms', atMost: 30 })),
    ),
    run: async (options) => [
      ...(await on(startStandalone, catchUp)(options)),
      ...(await on(startFullStack, catchUp)(options)),
    ],
  },
]
