import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type pg from 'pg'
import type { SessionId, UserId } from '../domain/ids.ts'
import { systemClock } from '../platform/clock.ts'
import { runComponents } from '../platform/lifecycle.ts'
import { createLogger } from '../platform/logger.ts'
import { RabbitConsumer } from '../queue/rabbitmq/consumer.ts'
import { RabbitPublisher } from '../queue/rabbitmq/publisher.ts'
import { createPool } from '../repository/postgres/database.ts'
import { insertConversation, insertUser } from '../testkit/chat-rows.ts'
import { messageEvent } from '../testkit/events.ts'
import { eventually } from '../testkit/eventually.ts'
import { type FcmStandIn, startFcm } from '../testkit/fcm.ts'
import { notifierStores } from '../testkit/notifier-parts.ts'
import { testPostgres, testRabbitmq } from '../testkit/services.ts'
import { FcmSender } from './channels/fcm.ts'
import { notifierComponent } from './component.ts'
import type { PushSender } from './ports.ts'

const MEMBERS = 5000
const PAGE = 500
const logger = createLogger({ name: 'test', level: 'silent' })
const stop = new AbortController()
let pool: pg.Pool
let fcm: FcmStandIn
let publisher: RabbitPublisher
let running: Promise<void>
let sizes: number[]

beforeAll(async () => {
  const [postgres, rabbitmq] = await Promise.all([testPostgres(), testRabbitmq()])
  pool = createPool({ url: postgres.url, max: 6, applicationName: 'test' })
  fcm = await startFcm()
  publisher = new RabbitPublisher({ url: rabbitmq.url, logger })
  const real = new FcmSender({
    projectId: 'demo',
    serviceAccount: '',
    endpoint: fcm.url,
    publicUrl: '',
    logger,
    alarm: () => {},
  })
  sizes = []
  const sender: PushSender = {
    send: (messages) => {
      sizes.push(messages.length)
      return real.send(messages)
    },
  }
  const component = notifierComponent({
    ...notifierStores(pool),
    consumer: new RabbitConsumer({ url: rabbitmq.url, logger }),
    sender,
    presence: null,
    clock: systemClock,
    logger,
  })
  await new Promise<void>((resolve) => {
    running = runComponents([component], stop.signal, resolve)
  })
})

afterAll(async () => {
  stop.abort()
  await running
  await publisher.close()
  await fcm.close()
  await pool.end()
})

async function manyWithPhones(): Promise<UserId[]> {
  const { rows } = await pool.query<{ id: UserId }>(
    `insert into users (id, username, display_name, public_id, created_at)
     select gen_random_uuid(), 'many-' || n, 'Many', lpad(n::text, 12, '0'), now()
     from generate_series(1, $1) n returning id`,
    [MEMBERS],
  )
  const many = rows.map(({ id }) => id)
  await pool.query(
    `insert into push_tokens (id, user_id, platform, token, token_hash, created_at, updated_at)
     select gen_random_uuid(), u, 'web', u::text, sha256(convert_to(u::text, 'UTF8')), now(), now()
     from unnest($1::uuid[]) u`,
    [many],
  )
  return many
}

it('reaches 5,000 members page by page, and lets others through in between', async () => {
  const many = await manyWithPhones()
  const [ann, bob] = [await insertUser(pool, 'Ann'), many[0] as UserId]
  const group = await insertConversation(pool, 'group', [ann, ...many], 'All')
  const pair = await insertConversation(pool, 'direct', [ann, bob])
  await publisher.publish([messageEvent({ conversationId: group, senderId: ann, seq: 1 })])
  await publisher.publish([messageEvent({ conversationId: pair, senderId: ann, seq: 1 })])
  await eventually(() => expect(fcm.requests).toHaveLength(MEMBERS + 1), { withinMs: 60_000 })
  const isPair = ({ message }: (typeof fcm.requests)[number]) => message.data?.['conversationId'] === pair
  expect(fcm.requests.findIndex(isPair)).toBeLessThan(MEMBERS / 2)
  expect(new Set(fcm.requests.filter((each) => !isPair(each)).map(({ message }) => message.token)).size).toBe(
    MEMBERS,
  )
  // What is held at once is a page, however large the group.
  expect(Math.max(...sizes)).toBeLessThanOrEqual(PAGE)
  const { rows } = await pool.query<{ n: number }>('select count(*)::integer as n from notification_traces')
  expect(rows[0]?.n).toBe(MEMBERS / PAGE + 1 + 1)
}, 90_000)

it('tells the other devices of a sign-in, and not the new one', async () => {
  const cid = await insertUser(pool, 'Cid')
  const here = '01900000-0000-7000-8000-0000000000e1' as SessionId
  await pool.query(
    `insert into sessions (id, user_id, device_name, address, created_at, last_seen_at, expires_at)
     values ($1, $2, 'new', '127.0.0.1', now(), now(), now() + interval '1 day')`,
    [here, cid],
  )
  await pool.query(
    `insert into push_tokens (id, user_id, session_id, platform, token, token_hash, created_at, updated_at)
     select gen_random_uuid(), $1, s::uuid, 'android', t, sha256(convert_to(t, 'UTF8')), now(), now()
     from unnest(array[$2, null], array['cid-new', 'cid-old']) i (s, t)`,
    [cid, here],
  )
  const at = new Date().toISOString()
  await publisher.publish([
    { id: `sign-in:${here}`, kind: 'sign_in', userId: cid, sessionId: here, deviceName: 'Pixel', at },
  ])
  await eventually(() => expect(fcm.of('cid-old')).toHaveLength(1))
  expect(fcm.of('cid-old')[0]).toMatchObject({
    notification: { title: 'New sign-in', body: expect.stringContaining('Pixel') },
    data: { event: 'sign_in', sessionId: here },
  })
  expect(fcm.of('cid-new')).toEqual([])
})
