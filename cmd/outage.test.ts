import { beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import type { ConversationId } from '../internal/domain/ids.ts'
import { createCassandraClient } from '../internal/repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../internal/repository/cassandra/message-archive.ts'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { type Answer, Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { type FcmStandIn, startFcm } from '../internal/testkit/fcm.ts'
import { type Proxy as StoreProxy, startProxy } from '../internal/testkit/proxy.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'

const START_MS = 60_000
const OUTAGE_MS = 60_000
const page = z.object({ items: z.array(z.object({ content: z.string() })) })

let one: string
let two: string
let fcm: FcmStandIn
const proxies = {} as Record<'redis' | 'rabbitmq' | 'cassandra' | 'postgres', StoreProxy>

/** Cassandra itself, past the proxy. */
let archive: CassandraMessageArchive

/** The environment with every store behind a proxy, so that a test can take it away from all processes. */
async function behindProxies(): Promise<Record<string, string>> {
  const env = await clusterEnvironment()
  const through = async (store: keyof typeof proxies, address: string) => {
    const url = new URL(address)
    proxies[store] = await startProxy({ host: url.hostname, port: Number(url.port) })
    cleanUpAfterFile(() => proxies[store].close())
    url.host = `127.0.0.1:${proxies[store].port}`
    return url.href
  }
  const direct = createCassandraClient({
    contactPoints: [env['CASSANDRA_CONTACT_POINTS'] ?? ''],
    localDc: env['CASSANDRA_LOCAL_DC'] ?? '',
    keyspace: env['CASSANDRA_KEYSPACE'] ?? '',
  })
  cleanUpAfterFile(() => direct.shutdown())
  archive = new CassandraMessageArchive(direct)
  const cassandra = new URL(await through('cassandra', `http://${env['CASSANDRA_CONTACT_POINTS']}`))
  return {
    ...env,
    REDIS_URL: await through('redis', env['REDIS_URL'] ?? ''),
    RABBITMQ_URL: await through('rabbitmq', env['RABBITMQ_URL'] ?? ''),
    DATABASE_URL: await through('postgres', env['DATABASE_URL'] ?? ''),
    CASSANDRA_CONTACT_POINTS: cassandra.host,
  }
}

beforeAll(async () => {
  fcm = await startFcm()
  cleanUpAfterFile(() => fcm.close())
  const env = await behindProxies()
  const notifier = new Binary('notifier', { ...env, FIREBASE_PROJECT_ID: 'test', FCM_ENDPOINT: fcm.url })
  const nodes = [new Binary('api', env), new Binary('api', env)]
  const [first, second] = await Promise.all([...nodes.map((node) => node.ready()), notifier.ready()])
  one = `http://127.0.0.1:${first}`
  two = `http://127.0.0.1:${second}`
}, START_MS)

/** Two people at different nodes, both joined to their conversation; what Bob hears there. */
async function twoPeople() {
  const [ann, bob] = [await Person.register(one), await Person.register(two)]
  const id = (await ann.open(one, 'direct', [bob])) as ConversationId
  const sockets = [await ann.connect(one), await bob.connect(two)] as const
  for (const socket of sockets) await socket.join(`chat:${id}`)
  const heard = () =>
    sockets[1].frames
      .filter((frame) => frame.event === 'message:new')
      .map((frame) => frame.payload['content'])
  const send = (content: string): Promise<Answer> =>
    ann.call(one, 'POST', `/conversations/${id}/messages`, { content })
  const read = async (query: string) =>
    page.parse((await bob.call(two, 'GET', `/conversations/${id}/messages?${query}`)).body)
  const close = async () => {
    for (const socket of sockets) await socket.close()
  }
  return { ann, bob, id, heard, send, read, close }
}

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `number ${from + n}`)

describe('while a store is away', () => {
  it(
    'Redis: messages are sent, and reach the other node from the log, in order and once',
    async () => {
      const { send, heard, close } = await twoPeople()
      await send('number 0')
      await eventually(() => expect(heard()).toEqual(numbered(1)))
      proxies.redis.refuse()
      for (const content of numbered(20, 1)) expect((await send(content)).status).toBe(201)
      await eventually(() => expect(heard()).toEqual(numbered(21)))
      proxies.redis.accept()
      for (const content of numbered(5, 21)) expect((await send(content)).status).toBe(201)
      await eventually(() => expect(heard()).toEqual(numbered(26)))
      await close()
    },
    OUTAGE_MS,
  )

  it(
    'Redis: a conversation made meanwhile shows in open inboxes once it is back',
    async () => {
      const [ann, bob] = [await Person.register(one), await Person.register(two)]
      const inbox = await bob.connect(two)
      await inbox.join('user:inbox')
      proxies.redis.refuse()
      const id = await ann.open(one, 'direct', [bob])
      await ann.call(one, 'POST', `/conversations/${id}/messages`, { content: 'hello' })
      proxies.redis.accept()
      const isNew = (frame: { event: string }) => frame.event === 'conversation:new'
      const { payload } = await inbox.find(isNew, 'conversation:new')
      expect(payload).toMatchObject({ conversation: { id, lastMessage: { content: 'hello' } } })
      await inbox.close()
    },
    OUTAGE_MS,
  )

  it(
    'Redis: receipts, own places, preferences and settings reach the other node from the store',
    async () => {
      const [ann, bob] = [await Person.register(one), await Person.register(two)]
      const id = await ann.open(one, 'direct', [bob])
      await bob.call(two, 'POST', `/conversations/${id}/messages`, { content: 'read this' })
      const [annsInbox, bobsChat] = [await ann.connect(two), await bob.connect(two)]
      await annsInbox.join('user:inbox')
      await bobsChat.join(`chat:${id}`)
      proxies.redis.refuse()
      await ann.call(one, 'POST', `/conversations/${id}/read`, { seq: 1 })
      const receipt = await bobsChat.find(({ event }) => event === 'receipt', 'receipt')
      expect(receipt.payload).toMatchObject({ userId: ann.id, deliveredSeq: 1, readSeq: 1 })
      const read = await annsInbox.find(({ event }) => event === 'inbox:read', 'inbox:read')
      expect(read.payload).toEqual({ conversationId: id, readSeq: 1 })
      await ann.call(one, 'PATCH', `/conversations/${id}/preferences`, { pinned: true })
      const shown = await annsInbox.find(
        ({ event }) => event === 'conversation:updated',
        'conversation:updated',
      )
      expect(shown.payload).toMatchObject({ conversation: { id, preferences: { pinned: true } } })
      await ann.call(one, 'PUT', '/notifications/settings', { emailDelay: 600 })
      const settings = await annsInbox.find(({ event }) => event === 'settings:updated', 'settings:updated')
      expect(settings.payload).toMatchObject({ settings: { emailDelay: 600 } })
      proxies.redis.accept()
      for (const socket of [annsInbox, bobsChat]) await socket.close()
    },
    OUTAGE_MS,
  )

  it(
    'Cassandra: people chat and read what is new; afterwards the archive has it all',
    async () => {
      const { id, send, heard, read, close } = await twoPeople()
      proxies.cassandra.refuse()
      for (const content of numbered(30)) expect((await send(content)).status).toBe(201)
      await eventually(() => expect(heard()).toEqual(numbered(30)))
      expect((await read('limit=100')).items.map(({ content }) => content)).toEqual(numbered(30))
      expect(await archive.range(id, 1, 30)).toEqual([])
      proxies.cassandra.accept()
      await eventually(async () => expect(await archive.range(id, 1, 30)).toHaveLength(30))
      await close()
    },
    OUTAGE_MS,
  )

  it(
    'RabbitMQ: messages are sent; the pushes that waited go out once it is back',
    async () => {
      const { bob, send, close } = await twoPeople()
      await close()
      const token = `token-${bob.id}`
      await bob.call(two, 'POST', '/push-tokens', { token, platform: 'android' })
      proxies.rabbitmq.refuse()
      expect((await send('while it was away')).status).toBe(201)
      expect(fcm.of(token)).toHaveLength(0)
      proxies.rabbitmq.accept()
      await eventually(() => expect(fcm.of(token)).toHaveLength(1), { withinMs: 45_000 })
    },
    OUTAGE_MS,
  )

  it(
    'PostgreSQL: sends are refused, sockets stay open, and a repeated send is stored once',
    async () => {
      const { ann, id, heard, close } = await twoPeople()
      const body = { content: 'once', clientId: '6e2f0d0a-8d0e-4e0b-9a51-0f6f6f1c2a11' }
      const path = `/conversations/${id}/messages`
      proxies.postgres.refuse()
      const refused = await ann.call(one, 'POST', path, body)
      expect(refused).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } })
      proxies.postgres.accept()
      await eventually(async () => expect((await ann.call(one, 'POST', path, body)).status).toBeLessThan(300))
      expect((await ann.call(one, 'POST', path, body)).status).toBe(200)
      await eventually(() => expect(heard()).toEqual(['once']))
      await close()
    },
    OUTAGE_MS,
  )
})
