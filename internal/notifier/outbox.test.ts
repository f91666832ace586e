import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type pg from 'pg'
import { uuidv7 } from '../domain/ids.ts'
import type { DeviceId } from '../domain/push.ts'
import { systemClock } from '../platform/clock.ts'
import { runComponents } from '../platform/lifecycle.ts'
import { createLogger } from '../platform/logger.ts'
import { Boss } from '../queue/postgres/boss.ts'
import { PostgresConsumer } from '../queue/postgres/consumer.ts'
import { PostgresPublisher } from '../queue/postgres/publisher.ts'
import { createPool } from '../repository/postgres/database.ts'
import { PostgresDeveloperOutbox } from '../repository/postgres/developer-outbox.ts'
import { PostgresPushTokens } from '../repository/postgres/push-tokens.ts'
import { insertConversation, insertSession, insertUser } from '../testkit/chat-rows.ts'
import { messageEvent } from '../testkit/events.ts'
import { eventually } from '../testkit/eventually.ts'
import { notifierStores } from '../testkit/notifier-parts.ts'
import { testPostgres } from '../testkit/services.ts'
import { OutboxSender } from './channels/outbox.ts'
import { notifierComponent } from './component.ts'

const logger = createLogger({ name: 'test', level: 'silent' })
let pool: pg.Pool
let boss: Boss
const controller = new AbortController()
let running: Promise<void>

beforeAll(async () => {
  const { url } = await testPostgres()
  pool = createPool({ url, max: 4, applicationName: 'test' })
  boss = new Boss({ url, logger })
  const notifier = notifierComponent({
    consumer: new PostgresConsumer({ boss, logger }),
    ...notifierStores(pool),
    sender: new OutboxSender(new PostgresDeveloperOutbox(pool), systemClock),
    presence: { isOnline: async () => new Set() },
    clock: systemClock,
    logger,
  })
  await new Promise<void>((resolve) => {
    running = runComponents([boss, notifier], controller.signal, resolve)
  })
})

afterAll(async () => {
  controller.abort()
  await running
  await pool.end()
})

it('writes to the developer outbox, in one process on PostgreSQL alone, what would be pushed', async () => {
  const ann = await insertUser(pool, 'Ann')
  const bob = await insertUser(pool, 'Bob')
  const conversationId = await insertConversation(pool, 'direct', [ann, bob])
  const registration = { id: uuidv7<DeviceId>(), userId: bob, sessionId: await insertSession(pool, bob) }
  const token = {
    platform: 'ios' as const,
    deviceName: null,
    token: 'secret-token-abcdef',
    nowMs: Date.now(),
  }
  await new PostgresPushTokens(pool).register({ ...registration, ...token }, 20)

  const event = messageEvent({ conversationId, senderId: ann, message: { content: 'hello' } })
  await new PostgresPublisher(boss).publish([event, event])
  const outbox = new PostgresDeveloperOutbox(pool)
  await eventually(async () => expect(await outbox.newest(10)).toHaveLength(1))
  expect((await outbox.newest(10))[0]).toMatchObject({
    channel: 'push',
    userId: bob,
    recipient: 'ios …abcdef',
    title: 'Ann',
    body: 'hello',
  })
})
