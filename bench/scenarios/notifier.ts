import { createHistogram } from 'node:perf_hooks'
import type { ConversationId, UserId } from '../../internal/domain/ids.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { RabbitPublisher } from '../../internal/queue/rabbitmq/publisher.ts'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { Binary, clusterEnvironment } from '../../internal/testkit/binary.ts'
import { insertConversation, insertUser } from '../../internal/testkit/chat-rows.ts'
import { messageEvent } from '../../internal/testkit/events.ts'
import { type FcmStandIn, startFcm } from '../../internal/testkit/fcm.ts'
import { type BenchOptions, type Row, type Scenario, sized } from '../scenario.ts'

const logger = createLogger({ name: 'bench', level: 'silent' })
const PAIRS = 100
const NS_PER_MS = 1e6

interface Stage {
  env: Record<string, string>
  fcm: FcmStandIn
  publish(count: number): Promise<void>
  close(): Promise<void>
}

/** Direct conversations whose recipient is away and has one phone. */
async function stage(): Promise<Stage> {
  const fcm = await startFcm()
  const env: Record<string, string> = {
    ...(await clusterEnvironment()),
    FIREBASE_PROJECT_ID: 'bench',
    FCM_ENDPOINT: fcm.url,
  }
  const pool = createPool({ url: env['DATABASE_URL'] ?? '', max: 4, applicationName: 'bench' })
  const publisher = new RabbitPublisher({ url: env['RABBITMQ_URL'] ?? '', logger })
  const pairs: { of: { conversationId: ConversationId; senderId: UserId }; seq: number }[] = []
  for (let i = 0; i < PAIRS; i++) {
    const users = [await insertUser(pool, 'Sender'), await insertUser(pool, 'Recipient')] as const
    const conversationId = await insertConversation(pool, 'direct', users)
    await pool.query(
      `insert into push_tokens (id, user_id, platform, token, token_hash, created_at, updated_at)
       values (gen_random_uuid(), $1, 'android', $2, sha256(convert_to($2, 'UTF8')), now(), now())`,
      [users[1], `bench-${i}`],
    )
    pairs.push({ of: { conversationId, senderId: users[0] }, seq: 0 })
  }
  let next = 0
  const nextEvent = () => {
    const pair = pairs[next++ % PAIRS]
    if (!pair) throw new Error('no pairs')
    return messageEvent({ ...pair.of, seq: ++pair.seq })
  }
  return {
    env,
    fcm,
    publish: (count) => publisher.publish(Array.from({ length: count }, nextEvent)),
    close: async () => {
      await publisher.close()
      await fcm.close()
      await pool.end()
    },
  }
}

/** From the event's own time to its arrival at the push service, of those from now on. */
function watchDelays(fcm: FcmStandIn, createdAt: Map<string, number>) {
  const histogram = createHistogram()
  fcm.behave = ({ token, data }) => {
    const began = createdAt.get(`${token} ${data?.['seq']}`)
    if (began !== undefined)
      histogram.record(Math.max(1, Math.round((performance.now() - began) * NS_PER_MS)))
    return null
  }
  return histogram
}

async function arrived(fcm: FcmStandIn, count: number): Promise<void> {
  while (fcm.requests.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** A backlog handed to one notifier: how fast it is worked off, and at which cost. */
async function throughput(options: BenchOptions): Promise<Row> {
  const events = sized(20_000, options, 200)
  const { env, fcm, publish, close } = await stage()
  for (let left = events; left > 0; left -= 1000) await publish(Math.min(left, 1000))
  const began = performance.now()
  const notifier = new Binary('notifier', env)
  await notifier.ready()
  const ready = performance.now()
  const before = fcm.requests.length
  await arrived(fcm, events)
  const seconds = (performance.now() - ready) / 1000
  const usage = await cpuSeconds(notifier)
  notifier.signal('SIGTERM')
  await notifier.exited
  await close()
  return {
    load: `${events} events waiting`,
    startSeconds: Number(((ready - began) / 1000).toFixed(2)),
    sentPerSecond: Math.round((events - before) / seconds),
    sentPerCpuSecond: Math.round(events / usage),
    p50Ms: '',
    p99Ms: '',
  }
}

/** Events one by one at a rate: how long each takes from being published to the push service. */
async function delays(rate: number, options: BenchOptions): Promise<Row> {
  const seconds = options.smoke ? 1 : 10
  const { env, fcm, publish, close } = await stage()
  const notifier = new Binary('notifier', env)
  await notifier.ready()
  const createdAt = new Map<string, number>()
  const histogram = watchDelays(fcm, createdAt)
  const count = Math.max(10, rate * seconds)
  const published: Promise<void>[] = []
  const began = performance.now()
  for (let i = 0; i < count; i++) {
    const due = began + (i * 1000) / rate
    const waitMs = due - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    createdAt.set(`bench-${i % PAIRS} ${Math.floor(i / PAIRS) + 1}`, performance.now())
    published.push(publish(1))
  }
  await Promise.all(published)
  await arrived(fcm, count)
  const usage = await cpuSeconds(notifier)
  notifier.signal('SIGTERM')
  await notifier.exited
  await close()
  const ms = (percentile: number) => Number((histogram.percentile(percentile) / NS_PER_MS).toFixed(1))
  return {
    load: `${rate} events/s`,
    startSeconds: '',
    sentPerSecond: rate,
    sentPerCpuSecond: Math.round(count / usage),
    p50Ms: ms(50),
    p99Ms: ms(99),
  }
}

/** What the process has used so far, by its own metrics. */
async function cpuSeconds(notifier: Binary): Promise<number> {
  const port = await notifier.ready()
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(/^process_cpu_seconds_total\S* (\S+)$/m.exec(text)?.[1] ?? Number.NaN)
}

export const notifierScenarios: readonly Scenario[] = [
  {
    name: 'notifier',
    about: 'one notifier, RabbitMQ, PostgreSQL and a stand-in for FCM: events decided and sent, and how soon',
    run: async (options) => [
      await throughput(options),
      await delays(options.smoke ? 10 : 20, options),
      await delays(options.smoke ? 50 : 500, options),
    ],
  },
]
