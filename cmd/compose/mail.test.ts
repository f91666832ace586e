import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type pg from 'pg'
import { unsubscribeRouter } from '../../internal/api/http/unsubscribe.ts'
import { messageOf } from '../../internal/domain/log-entry.ts'
import { Measures } from '../../internal/notifier/measures.ts'
import { runComponents } from '../../internal/platform/lifecycle.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { Metrics } from '../../internal/platform/metrics.ts'
import { Boss } from '../../internal/queue/postgres/boss.ts'
import { PostgresConsumer } from '../../internal/queue/postgres/consumer.ts'
import { PostgresPublisher } from '../../internal/queue/postgres/publisher.ts'
import { MemoryRateLimiter } from '../../internal/repository/memory/limit.ts'
import { PostgresMailRecipients } from '../../internal/repository/postgres/email-recipients.ts'
import { createLogPool } from '../../internal/repository/postgres/log-pool.ts'
import { PostgresMessageLog } from '../../internal/repository/postgres/message-log.ts'
import { PostgresNotificationSettings } from '../../internal/repository/postgres/notification-settings.ts'
import { PostgresTraceReader } from '../../internal/repository/postgres/notification-trace-reader.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { Unsubscriptions } from '../../internal/service/notification/unsubscribe.ts'
import { insertConversation, insertUser } from '../../internal/testkit/chat-rows.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import { type HttpNode, serveRoutes } from '../../internal/testkit/http-node.ts'
import { insertReader, sayTo } from '../../internal/testkit/mail-room.ts'
import { testPostgres } from '../../internal/testkit/services.ts'
import { type SmtpStandIn, startSmtp } from '../../internal/testkit/smtp.ts'
import { composeNotifier } from './notifier.ts'

const logger = createLogger({ name: 'test', level: 'silent' })
const controller = new AbortController()
const outcomes: string[] = []
let late = 0
let pool: pg.Pool
let boss: Boss
let server: SmtpStandIn
let node: HttpNode
let running: Promise<void>

beforeAll(async () => {
  const { url } = await testPostgres()
  pool = createLogPool(url, 'test', 12)
  boss = new Boss({ url, logger })
  server = await startSmtp()
  const sql = new Sql(pool)
  const unsubscriptions = new Unsubscriptions({
    directory: new PostgresMailRecipients(sql),
    settings: new PostgresNotificationSettings(sql),
    live: { settingsUpdated: () => {} },
  })
  node = await serveRoutes({
    routes: [],
    routers: [unsubscribeRouter(unsubscriptions, new MemoryRateLimiter(1))],
    limiter: new MemoryRateLimiter(1),
    authenticator: { authenticate: () => Promise.reject(new Error('nobody signs in')) },
  })
  const from = { name: 'RealChat', address: 'chat@example.org' }
  const components = composeNotifier({
    pool,
    logPool: pool,
    consumer: new PostgresConsumer({ boss, logger }),
    presence: { isOnline: async () => new Set() },
    push: { kind: 'outbox' },
    mail: { kind: 'smtp', url: server.url, from, unsubscribeTo: null, dkim: null },
    publicUrl: node.url,
    clock: { now: () => Date.now() + late },
    logger,
    observer: new Measures(new Metrics('notifier').registry),
    observeDigest: (outcome) => outcomes.push(outcome),
    report: () => {},
  })
  await new Promise<void>((resolve) => {
    running = runComponents([boss, ...components], controller.signal, resolve)
  })
})

afterAll(async () => {
  controller.abort()
  await running
  await node.close()
  await server.close()
  await pool.end()
})

it('mails what stays unread, and no more once its reader has left by the link', async () => {
  const ann = await insertUser(pool, 'Ann')
  const bob = await insertReader(pool, 'Bob')
  const conversationId = await insertConversation(pool, 'direct', [ann, bob.id])
  const say = async (text: string) => {
    const { seq, eventId: id } = await sayTo(pool, bob.id, { conversationId, senderId: ann, text })
    const [entry] = await new PostgresMessageLog(pool).entries(conversationId, [seq])
    if (!entry) throw new Error('no message')
    const message = messageOf(entry)
    await new PostgresPublisher(boss).publish([{ id, kind: 'message', conversationId, seq, message }])
    return seq
  }
  const lastWord = async (seq: number) => {
    const { decisions } = await new PostgresTraceReader(new Sql(pool)).ofRecipient(
      { conversationId, seq },
      bob.id,
    )
    const { outcome, reason } = decisions.filter(({ channel }) => channel === 'email').at(-1) ?? {}
    return `${outcome} ${reason}`
  }
  const first = await say('Are you there?')
  await eventually(async () => expect(await lastWord(first)).toBe('digest direct'))
  expect(server.tries()).toBe(0)
  late = 16 * 60_000
  await eventually(() => expect(outcomes).toEqual(['sent']))
  await eventually(async () => expect(await lastWord(first)).toBe('sent direct'))
  const [mail] = server.mails
  expect(mail?.to).toEqual([bob.address])
  expect(mail?.parts.get('text/plain')).toContain('Are you there?')

  const link = /^<([^>]+)>$/.exec(mail?.header('list-unsubscribe') ?? '')?.[1] ?? ''
  const left = await fetch(link, {
    method: 'POST',
    body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }),
  })
  expect(left.status).toBe(200)
  const second = await say('Hello?')
  await eventually(async () => expect(await lastWord(second)).toBe('none email_off'))
})
