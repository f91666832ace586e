import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { connect } from 'amqplib'
import type pg from 'pg'
import type { ConversationId, UserId } from '../domain/ids.ts'
import { uuidv7 } from '../domain/ids.ts'
import { type DeviceId, PUSH_TOKENS_PER_USER } from '../domain/push.ts'
import { systemClock } from '../platform/clock.ts'
import { runComponents } from '../platform/lifecycle.ts'
import { createLogger } from '../platform/logger.ts'
import { RabbitConsumer } from '../queue/rabbitmq/consumer.ts'
import { RabbitPublisher } from '../queue/rabbitmq/publisher.ts'
import { createPool } from '../repository/postgres/database.ts'
import { PostgresDeadLetters } from '../repository/postgres/dead-letters.ts'
import { PostgresTraceReader } from '../repository/postgres/notification-trace-reader.ts'
import { PostgresShownStore } from '../repository/postgres/notifications-shown.ts'
import { PostgresPushTokens } from '../repository/postgres/push-tokens.ts'
import { Sql } from '../repository/postgres/sql.ts'
import { explain } from '../service/notification/explain.ts'
import { ReadNotices } from '../service/notification/read-notices.ts'
import { insertConversation, insertSession, insertUser } from '../testkit/chat-rows.ts'
import { messageEvent } from '../testkit/events.ts'
import { eventually } from '../testkit/eventually.ts'
import { type FcmStandIn, startFcm } from '../testkit/fcm.ts'
import { notifierStores } from '../testkit/notifier-parts.ts'
import { startProxy } from '../testkit/proxy.ts'
import { testPostgres, testRabbitmq } from '../testkit/services.ts'
import { FcmSender } from './channels/fcm.ts'
import { notifierComponent } from './component.ts'
import type { PushSender } from './ports.ts'
import { undertaker } from './undertaker.ts'

const logger = createLogger({ name: 'test', level: 'silent' })

describe('notifier on RabbitMQ, PostgreSQL and a stand-in FCM', () => {
  let pool: pg.Pool
  let databaseUrl: string
  let amqpUrl: string
  let fcm: FcmStandIn
  let publisher: RabbitPublisher
  let online: Set<UserId>
  let ann: UserId
  let bob: UserId
  let conversation: ConversationId
  let ends: (() => Promise<void>)[]

  beforeAll(async () => {
    databaseUrl = (await testPostgres()).url
    pool = createPool({ url: databaseUrl, max: 4, applicationName: 'test' })
  })

  afterAll(() => pool.end())

  beforeEach(async () => {
    amqpUrl = (await testRabbitmq()).url
    fcm = await startFcm()
    publisher = new RabbitPublisher({ url: amqpUrl, logger })
    online = new Set()
    ann = await insertUser(pool, 'Ann')
    bob = await insertUser(pool, 'Bob')
    conversation = await insertConversation(pool, 'direct', [ann, bob])
    ends = [() => fcm.close(), () => publisher.close()]
  })

  afterEach(async () => {
    for (const end of ends.reverse()) await end()
  })

  async function register(userId: UserId, token: string): Promise<DeviceId> {
    const sessionId = await insertSession(pool, userId)
    const registration = {
      id: uuidv7<DeviceId>(),
      userId,
      sessionId,
      platform: 'android' as const,
      deviceName: null,
    }
    const { id } = await new PostgresPushTokens(pool).register(
      { ...registration, token, nowMs: Date.now() },
      PUSH_TOKENS_PER_USER,
    )
    return id
  }

  async function start({ sender, database = databaseUrl }: { sender?: PushSender; database?: string } = {}) {
    const own = createPool({ url: database, max: 4, applicationName: 'notifier' })
    const push = new FcmSender({
      projectId: 'demo',
      serviceAccount: '',
      endpoint: fcm.url,
      publicUrl: '',
      logger,
      alarm: () => {},
    })
    const consumer = new RabbitConsumer({ url: amqpUrl, logger })
    const component = notifierComponent({
      consumer,
      ...notifierStores(own),
      sender: sender ?? push,
      presence: { isOnline: async (ids) => new Set(ids.filter((id) => online.has(id))) },
      clock: systemClock,
      logger,
    })
    const store = new PostgresDeadLetters(new Sql(own))
    const burying = undertaker({ source: consumer, store, logger, now: systemClock.now })
    const controller = new AbortController()
    const ready = Promise.withResolvers<void>()
    const running = runComponents([component, burying], controller.signal, ready.resolve)
    await ready.promise
    ends.push(async () => {
      controller.abort()
      await running
      await push.close()
      await own.end()
    })
  }

  const event = (seq: number, content = 'hello') =>
    messageEvent({ conversationId: conversation, senderId: ann, seq, message: { content } })

  async function states(): Promise<string[]> {
    const { rows } = await pool.query<{ state: string; attempt: number }>(
      'select state, attempt from notification_claims where conversation_id = $1 order by seq, device_id',
      [conversation],
    )
    return rows.map(({ state, attempt }) => `${state} ${attempt}`)
  }

  /** Messages in a queue that nobody has taken yet. */
  async function waiting(queue = 'notify'): Promise<number> {
    const connection = await connect(amqpUrl)
    const channel = await connection.createChannel()
    const { messageCount } = await channel.checkQueue(queue)
    await connection.close()
    return messageCount
  }

  it('pushes one event once, to the right token', async () => {
    await register(ann, 'ann-phone-1')
    await register(bob, 'bob-phone-1')
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(await states()).toEqual(['sent 0']))
    expect(fcm.requests).toHaveLength(1)
    expect(fcm.of('bob-phone-1')[0]).toMatchObject({
      notification: { title: 'Ann', body: 'hello' },
      data: { conversationId: conversation, seq: '1' },
      android: { collapse_key: conversation },
    })
  })

  it('names the group and the sender, and counts what is unread', async () => {
    conversation = await insertConversation(pool, 'group', [ann, bob], 'Cyclists')
    await pool.query('update heads set seq = 4, ordinal = 4 where conversation_id = $1', [conversation])
    await register(bob, 'bob-group')
    await start()
    await publisher.publish([event(4, 'ready?')])
    await eventually(() => expect(fcm.of('bob-group')).toHaveLength(1))
    expect(fcm.of('bob-group')[0]).toMatchObject({
      notification: { title: 'Cyclists', body: 'Ann: ready?' },
      data: { badge: '4' },
    })
  })

  it('pushes a duplicate event once, in one batch, one after another and to two notifiers at once', async () => {
    await register(bob, 'bob-twice')
    await start()
    await start()
    await publisher.publish([event(1), event(1), event(1)])
    for (let i = 0; i < 20; i++) await publisher.publish([event(1)])
    await publisher.publish([event(2)])
    await eventually(async () => expect(await states()).toEqual(['sent 0', 'sent 0']))
    await eventually(async () => expect(await waiting()).toBe(0))
    expect(
      fcm
        .of('bob-twice')
        .map(({ data }) => data?.['seq'])
        .sort(),
    ).toEqual(['1', '2'])
  })

  it('tries again after a failure, under the same collapse key', async () => {
    await register(bob, 'bob-500')
    fcm.script('bob-500', { status: 500 })
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(await states()).toEqual(['retry 0']))
    await eventually(async () => expect(await states()).toEqual(['sent 1']))
    const keys = fcm.of('bob-500').map(({ android }) => android?.collapse_key)
    expect(keys).toEqual([conversation, conversation])
  })

  it('obeys Retry-After by a longer wait', async () => {
    await register(bob, 'bob-429')
    fcm.script('bob-429', { status: 429, retryAfter: '7' })
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(await states()).toEqual(['retry 0']))
    // The rung of 5 s would be too early.
    await eventually(async () => expect(await waiting('notify.retry.10s')).toBe(1))
    await eventually(async () => expect(await states()).toEqual(['sent 1']))
  })

  it('repeats once what had no answer', async () => {
    await register(bob, 'bob-drop')
    fcm.script('bob-drop', 'drop', 'drop')
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(await states()).toEqual(['dead 1']))
    expect(fcm.of('bob-drop')).toHaveLength(2)
  })

  it('deletes a token that FCM reports gone, unless it was registered anew', async () => {
    await register(bob, 'bob-gone')
    fcm.script('bob-gone', { status: 404 })
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(await states()).toEqual(['gone 0']))
    const tokens = new PostgresPushTokens(pool)
    await eventually(async () => expect(await tokens.ofUsers([bob])).toEqual([]))

    await register(bob, 'bob-anew')
    const [stale] = await tokens.ofUsers([bob])
    if (!stale) throw new Error('no device')
    await eventually(async () => {
      await register(bob, 'bob-anew')
      expect((await tokens.ofUsers([bob]))[0]?.updatedAtMs).toBeGreaterThan(stale.updatedAtMs)
    })
    await tokens.forget([stale])
    expect(await tokens.ofUsers([bob])).toHaveLength(1)
  })

  it('gives somebody online the time to read it', async () => {
    await register(bob, 'bob-online')
    online.add(bob)
    await start()
    await publisher.publish([event(1), event(2)])
    await eventually(async () => expect(await waiting()).toBe(0))
    await pool.query(
      'update conversation_members set delivered_seq = 1, read_seq = 1 where conversation_id = $1 and user_id = $2',
      [conversation, bob],
    )
    await eventually(() => expect(fcm.of('bob-online')).toHaveLength(1), { withinMs: 25_000 })
    expect(fcm.of('bob-online')[0]?.data?.['seq']).toBe('2')
  })

  it('reaches each of many members once, page by page', async () => {
    const { rows } = await pool.query<{ id: UserId }>(
      `insert into users (id, username, display_name, public_id, created_at)
       select gen_random_uuid(), 'many-' || n, 'Many', lpad(n::text, 12, '0'), now()
       from generate_series(1, 1203) n returning id`,
    )
    const many = rows.map(({ id }) => id)
    conversation = await insertConversation(pool, 'group', [ann, ...many], 'All')
    await pool.query(
      `insert into push_tokens (id, user_id, platform, token, token_hash, created_at, updated_at)
       select gen_random_uuid(), u, 'web', u::text, sha256(convert_to(u::text, 'UTF8')), now(), now()
       from unnest($1::uuid[]) u`,
      [many],
    )
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(new Set(await states())).toEqual(new Set(['sent 0'])))
    await eventually(() => expect(fcm.requests).toHaveLength(1203))
    expect(new Set(fcm.requests.map(({ message }) => message.token))).toEqual(new Set(many))
  })

  it('waits for a database that is away, and sends nothing twice for it', async () => {
    const { hostname, port } = new URL(databaseUrl)
    const proxy = await startProxy({ host: hostname, port: Number(port || 5432) })
    ends.push(() => proxy.close())
    const through = new URL(databaseUrl)
    through.port = String(proxy.port)
    await register(bob, 'bob-outage')
    await start({ database: through.href })
    // Away from the moment the push is sent until the record of it has failed at least once.
    fcm.onRequest = () => proxy.refuse()
    await publisher.publish([event(1)])
    await eventually(() => expect(proxy.refused()).toBeGreaterThan(0))
    fcm.onRequest = null
    proxy.accept()
    await eventually(async () => expect(await states()).toEqual(['sent 0']))
    expect(fcm.of('bob-outage')).toHaveLength(1)
  })

  it('takes back what was read on another device, silently and once', async () => {
    await register(bob, 'bob-reads')
    await start()
    await publisher.publish([event(1), event(2)])
    await eventually(async () => expect(await states()).toEqual(['sent 0', 'sent 0']))
    const shown = new PostgresShownStore(pool)
    const notices = new ReadNotices({ shown, events: publisher, clock: systemClock })
    const read = (readSeq: number) => notices.moved({ conversationId: conversation, userId: bob, readSeq })
    const silent = () => fcm.of('bob-reads').filter(({ notification }) => notification === undefined)
    await eventually(async () =>
      expect(await shown.readUpTo([{ conversationId: conversation, userId: bob, readSeq: 2 }])).toHaveLength(
        1,
      ),
    )
    read(1)
    expect(await notices.step()).toBe(false)
    read(2)
    await notices.step()
    read(2)
    await notices.step()
    await eventually(() => expect(silent()).toHaveLength(1))
    expect(silent()[0]).toMatchObject({
      data: { event: 'read', conversationId: conversation, seq: '2', badge: '0' },
      android: { collapse_key: conversation, priority: 'normal' },
    })
    await eventually(async () => expect(await waiting()).toBe(0))
    expect(silent()).toHaveLength(1)
  })

  it('sends what was given up once an operator says so', async () => {
    await register(bob, 'bob-again')
    fcm.script('bob-again', 'drop', 'drop')
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(await states()).toEqual(['dead 1']))
    const letters = new PostgresDeadLetters(new Sql(pool))
    await eventually(async () => expect(await letters.list(10, null)).toHaveLength(1))
    expect((await letters.list(10, null))[0]).toMatchObject({
      seq: 1,
      recipients: 1,
      reason: expect.stringContaining('unknown twice'),
    })
    await publisher.retry((await letters.tasks(null, null, 10)).map(({ task }) => task))
    await eventually(async () => expect(await states()).toEqual(['sent 6']))
    expect(fcm.of('bob-again').map(({ android }) => android?.collapse_key)).toEqual([
      conversation,
      conversation,
      conversation,
    ])
  })

  it('keeps why, for each device', async () => {
    await register(bob, 'bob-why')
    await pool.query(`update conversation_members set notify = 'mentions' where user_id = $1`, [bob])
    await start()
    const mentions = { userIds: [bob], all: false }
    await publisher.publish([
      event(1),
      messageEvent({ conversationId: conversation, senderId: ann, seq: 2, message: { mentions } }),
    ])
    await eventually(async () => expect(await states()).toEqual(['sent 0']))
    const reader = new PostgresTraceReader(new Sql(pool))
    const why = async (seq: number) => {
      const { decisions, attempts, devices } = await reader.ofRecipient(
        { conversationId: conversation, seq },
        bob,
      )
      return explain(decisions, attempts, devices).map(({ outcome, reason }) => `${outcome} ${reason}`)
    }
    await eventually(async () => expect(await why(2)).toEqual(['sent mentioned', 'none email_unavailable']))
    expect(await why(1)).toEqual(['none not_mentioned'])
  })

  it('tells a thread to those who took part in it', async () => {
    await register(bob, 'bob-thread')
    await pool.query(`update conversation_members set notify = 'mentions' where user_id = $1`, [bob])
    await start()
    const { message: root } = event(1)
    const reply = (seq: number, senderId: UserId) =>
      messageEvent({ conversationId: conversation, senderId, seq, message: { threadRootId: root.id } })
    const decided = () =>
      pool.query('select 1 from notification_traces where conversation_id = $1', [conversation])
    await publisher.publish([reply(2, ann)])
    await eventually(async () => expect((await decided()).rows).toHaveLength(1))
    await publisher.publish([reply(3, bob)])
    await eventually(async () => expect((await decided()).rows).toHaveLength(2))
    await publisher.publish([reply(4, ann)])
    await eventually(() => expect(fcm.of('bob-thread')).toHaveLength(1))
    expect(fcm.of('bob-thread')[0]?.data?.['seq']).toBe('4')
  })

  it('pushes nothing to a device that was signed out', async () => {
    await register(bob, 'bob-out')
    await pool.query(`update sessions set ended_at = now(), end_reason = 'signed_out' where user_id = $1`, [
      bob,
    ])
    await register(bob, 'bob-in')
    await start()
    await publisher.publish([event(1)])
    await eventually(async () => expect(await states()).toEqual(['sent 0']))
    expect(fcm.requests.map(({ message }) => message.token)).toEqual(['bob-in'])
  })
})
