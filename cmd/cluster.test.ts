import { createHash, randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import type { ClientId, ConversationId, UserId } from '../internal/domain/ids.ts'
import { createLogPool } from '../internal/repository/postgres/log-pool.ts'
import { PostgresMessageLog } from '../internal/repository/postgres/message-log.ts'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { call, Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { type FcmStandIn, startFcm } from '../internal/testkit/fcm.ts'
import { appendItem } from '../internal/testkit/fixtures.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'
import type { ServerFrame, SocketClient } from '../internal/testkit/socket-client.ts'

const START_MS = 60_000
const messages = z.object({ items: z.array(z.object({ seq: z.number(), content: z.string() })) })
const health = z.object({ dependencies: z.array(z.object({ name: z.string(), status: z.string() })) })

let env: Record<string, string>
let one: string
let two: string
let fcm: FcmStandIn

async function startNode(): Promise<{ binary: Binary; url: string }> {
  const binary = new Binary('api', env)
  return { binary, url: `http://127.0.0.1:${await binary.ready()}` }
}

beforeAll(async () => {
  env = await clusterEnvironment()
  fcm = await startFcm()
  cleanUpAfterFile(() => fcm.close())
  const notifier = new Binary('notifier', { ...env, FIREBASE_PROJECT_ID: 'test', FCM_ENDPOINT: fcm.url })
  const nodes = await Promise.all([startNode(), startNode(), notifier.ready()])
  one = nodes[0].url
  two = nodes[1].url
}, START_MS)

async function history(person: Person, url: string, conversation: string): Promise<string[]> {
  const { body } = await person.call(url, 'GET', `/conversations/${conversation}/messages?limit=100`)
  return messages.parse(body).items.map(({ content }) => content)
}

/** What a socket got live on the topic. */
function heard(client: SocketClient, topic: string): unknown[] {
  return client.frames
    .filter((frame) => frame.topic === topic && frame.event === 'message:new')
    .map((frame) => frame.payload['content'])
}

describe('two API nodes and a notifier on the four stores', () => {
  it('carries a message from a user on one node to a user on the other, and stores it', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = await ann.open(one, 'direct', [bob])
    const [annsSocket, bobsSocket] = [await ann.connect(one), await bob.connect(two)]
    await annsSocket.join(`chat:${id}`)
    await bobsSocket.join(`chat:${id}`)
    await annsSocket.push(`chat:${id}`, 'message:send', { type: 'text', content: 'over there' })
    await eventually(() => expect(heard(bobsSocket, `chat:${id}`)).toEqual(['over there']))
    // The sender's socket has the reply and not the broadcast.
    expect(heard(annsSocket, `chat:${id}`)).toEqual([])
    expect(await history(ann, two, id)).toEqual(['over there'])
    expect(await history(bob, one, id)).toEqual(['over there'])
    await annsSocket.close()
    await bobsSocket.close()
  })

  it('keeps the order in which one socket pushed, at both nodes', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = await ann.open(one, 'group', [bob])
    const [annsSocket, bobsSocket] = [await ann.connect(one), await bob.connect(two)]
    await annsSocket.join(`chat:${id}`)
    await bobsSocket.join(`chat:${id}`)
    const sent = Array.from({ length: 200 }, (_, n) => `number ${n}`)
    for (const content of sent) annsSocket.send(`chat:${id}`, 'message:send', { type: 'text', content })
    await eventually(() => expect(heard(bobsSocket, `chat:${id}`)).toEqual(sent))
    await annsSocket.close()
    await bobsSocket.close()
  })

  it('tells a user on another node of a new conversation and its messages in the inbox', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const bobsSocket = await bob.connect(two)
    await bobsSocket.join('user:inbox')
    const id = await ann.open(one, 'direct', [bob])
    await bobsSocket.find((frame) => frame.event === 'conversation:new', 'conversation:new')
    await ann.call(one, 'POST', `/conversations/${id}/messages`, { content: 'hello' })
    const frame = await bobsSocket.find((one) => one.event === 'inbox:message', 'inbox:message')
    expect(frame).toMatchObject({ topic: 'user:inbox', payload: { message: { conversationId: id, seq: 1 } } })
    await bobsSocket.close()
  })

  it('lets one who was removed at one node hear nothing later at the other', async () => {
    const [ann, bob, eve] = await Promise.all([one, two, two].map((url) => Person.register(url)))
    if (!ann || !bob || !eve) throw new Error('three people')
    const id = await ann.open(one, 'group', [bob])
    const [bobsChat, bobsInbox, evesInbox] = [
      await bob.connect(two),
      await bob.connect(two),
      await eve.connect(two),
    ]
    const hello = await bobsChat.join(`chat:${id}`)
    await bobsInbox.join('user:inbox')
    await evesInbox.join('user:inbox')
    expect(hello).toMatchObject({ messages: [{ type: 'system' }] })
    await ann.call(one, 'POST', `/conversations/${id}/members`, { userIds: [eve.id] })
    await evesInbox.find((frame) => frame.event === 'conversation:new', 'conversation:new')
    await ann.call(one, 'DELETE', `/conversations/${id}/members/${bob.id}`)
    await ann.call(one, 'POST', `/conversations/${id}/messages`, { content: 'without bob' })
    const told = (frame: ServerFrame) => JSON.stringify(frame.payload).includes('without bob')
    await evesInbox.find(told, 'the message')
    await bobsChat.find((frame) => frame.event === 'phx_close', 'phx_close')
    const removed = await bobsInbox.find((frame) => frame.event === 'conversation:removed', 'removal')
    expect(removed.payload).toEqual({ conversationId: id, reason: 'removed' })
    expect([...bobsChat.frames, ...bobsInbox.frames].filter(told)).toEqual([])
    for (const socket of [bobsChat, bobsInbox, evesInbox]) await socket.close()
  })

  it('tells who is online at whichever node, and of who types there', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = await ann.open(one, 'direct', [bob])
    const annsSocket = await ann.connect(one)
    await annsSocket.join(`chat:${id}`)
    const state = await annsSocket.find((frame) => frame.event === 'presence_state', 'presence_state')
    expect(Object.keys(state.payload)).toEqual([ann.id])
    const bobsSocket = await bob.connect(two)
    await bobsSocket.join(`chat:${id}`)
    const online = await annsSocket.find((frame) => frame.event === 'user:online', 'user:online')
    expect(online.payload).toMatchObject({ userId: bob.id })
    const bobs = await bobsSocket.find((frame) => frame.event === 'presence_state', 'presence_state')
    expect(Object.keys(bobs.payload).sort()).toEqual([ann.id, bob.id].sort())
    await bobsSocket.push(`chat:${id}`, 'typing:start')
    const typing = await annsSocket.find((frame) => frame.event === 'typing:start', 'typing:start')
    expect(typing.payload).toEqual({ userId: bob.id })
    await bobsSocket.close()
    const offline = await annsSocket.find((frame) => frame.event === 'user:offline', 'user:offline')
    const { body } = await ann.call(one, 'GET', `/users/${bob.id}`)
    expect(body).toMatchObject({ lastSeenAt: offline.payload['at'] })
    await annsSocket.close()
  })

  it('takes from one who was blocked whom they saw online, at whichever node', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = await ann.open(one, 'direct', [bob])
    const [anns, bobs] = [await ann.connect(one), await bob.connect(two)]
    for (const client of [anns, bobs]) await client.join(`chat:${id}`)
    const states = () =>
      bobs.frames
        .filter(({ event }) => event === 'presence_state')
        .map(({ payload }) => Object.keys(payload).toSorted())
    await eventually(() => expect(states()).toEqual([[ann.id, bob.id].toSorted()]))
    await ann.call(one, 'PUT', `/users/${bob.id}/block`)
    await eventually(() => expect(states().at(-1)).toEqual([bob.id]))
    await Promise.all([anns.close(), bobs.close()])
  })

  it('pushes once to the absent one, to the right device', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const token = `token-${bob.id}`
    await bob.call(two, 'POST', '/push-tokens', { token, platform: 'android' })
    const id = await ann.open(one, 'direct', [bob])
    await ann.call(one, 'POST', `/conversations/${id}/messages`, { content: 'are you there?' })
    await eventually(() => expect(fcm.of(token)).toHaveLength(1))
    expect(fcm.of(token)[0]).toMatchObject({ notification: { body: 'are you there?' } })
    // A later message's push shows that nothing else came for the first one meanwhile.
    await ann.call(one, 'POST', `/conversations/${id}/messages`, { content: 'hello?' })
    await eventually(() => expect(fcm.of(token).length).toBeGreaterThan(1))
    expect(fcm.of(token).map((message) => message.notification?.body)).toEqual(['are you there?', 'hello?'])
  })

  it('answers a repeated send with the first result at any node, and another body as a mismatch', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = await ann.open(one, 'direct', [bob])
    const clientId = '0b6f7a52-5f4e-4cbb-9f0c-3c1d8a2f1b11'
    const path = `/conversations/${id}/messages`
    const first = await ann.call(one, 'POST', path, { content: 'once', clientId })
    const again = await ann.call(two, 'POST', path, { content: 'once', clientId })
    const other = await ann.call(two, 'POST', path, { content: 'twice', clientId })
    expect([first.status, again.status, other.status]).toEqual([201, 200, 422])
    expect(again.body).toEqual({ ...z.object({}).loose().parse(first.body), duplicate: true })
  })

  it('tells the others of a message whose node died before it could, once the sender repeats it', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = await ann.open(one, 'direct', [bob])
    const socket = await bob.connect(two)
    await socket.join(`chat:${id}`)
    const content = 'last words'
    const clientId = randomUUID()
    // As that node would have committed it.
    const pool = createLogPool(env['DATABASE_URL'] ?? '', 'test', 1)
    const item = appendItem(id as ConversationId, ann.id as UserId, content, {
      operationId: clientId as ClientId,
      bodyHash: createHash('sha256')
        .update(JSON.stringify(['text', content, null, null, null, null]))
        .digest()
        .subarray(0, 16),
    })
    await new PostgresMessageLog(pool).append([item], { wait: true })
    await pool.end()
    const again = await ann.call(one, 'POST', `/conversations/${id}/messages`, { content, clientId })
    expect(again).toMatchObject({ status: 200, body: { duplicate: true } })
    // Within less than what the audit of live delivery takes.
    await eventually(() => expect(heard(socket, `chat:${id}`)).toEqual([content]), { withinMs: 10_000 })
    await socket.close()
  })

  it('closes the sockets of a session that ended at the other node, and refuses their return', async () => {
    const ann = await Person.register(one)
    const sockets = [await ann.connect(one), await ann.connect(two)]
    expect(await ann.call(one, 'POST', '/auth/logout')).toMatchObject({ status: 204 })
    for (const socket of sockets) expect(await socket.closed).toMatchObject({ code: 4403 })
    await eventually(() => expect(ann.connect(two)).rejects.toThrow('403'))
  })

  it('lets nobody write to one who blocked them, at any node, until they are unblocked', async () => {
    const [ann, bob, eve] = await Promise.all([one, two, one].map((url) => Person.register(url)))
    if (!ann || !bob || !eve) throw new Error('three people')
    const id = await ann.open(one, 'direct', [bob])
    const send = (url: string) => ann.call(url, 'POST', `/conversations/${id}/messages`, { content: 'hi' })
    expect((await send(one)).status).toBe(201)
    await bob.call(two, 'PUT', `/users/${ann.id}/block`)
    await bob.call(two, 'PUT', `/users/${eve.id}/block`)
    // Node one authorised the first send and must not go by what it remembers.
    for (const url of [one, two])
      expect(await send(url)).toMatchObject({ status: 403, body: { code: 'blocked' } })
    const opened = await eve.call(one, 'POST', '/conversations', { kind: 'direct', memberIds: [bob.id] })
    expect(opened).toMatchObject({ status: 403, body: { code: 'blocked' } })
    await bob.call(two, 'DELETE', `/users/${ann.id}/block`)
    expect((await send(one)).status).toBe(201)
  })

  it('has a row for each store in its readiness, and in its health', async () => {
    for (const path of ['/health/ready', '/health']) {
      const answer = await fetch(one + path)
      const report = health.parse(await answer.json())
      const rows = report.dependencies.map(({ name }) => name)
      expect(rows).toEqual(expect.arrayContaining(['postgres', 'cassandra', 'redis', 'rabbitmq']))
      expect(report.dependencies.every(({ status }) => status === 'up')).toBe(true)
      expect(answer.status).toBe(200)
    }
  })

  it('hides from strangers that a conversation exists', async () => {
    const [ann, bob, eve] = await Promise.all([one, two, one].map((url) => Person.register(url)))
    if (!ann || !bob || !eve) throw new Error('three people')
    const id = await ann.open(one, 'direct', [bob])
    const nowhere = '00000000-0000-7000-8000-000000000000'
    for (const path of ['', '/messages', '/members']) {
      const there = await eve.call(two, 'GET', `/conversations/${id}${path}`)
      const not = await eve.call(two, 'GET', `/conversations/${nowhere}${path}`)
      expect([there.status, not.status]).toEqual([404, 404])
    }
    const socket = await eve.connect(one)
    await expect(socket.join(`chat:${id}`)).rejects.toMatchObject({ response: { code: 'not_found' } })
    await socket.close()
  })
})

describe('a node that is told to stop', () => {
  it('loses nothing it acknowledged and exits 0', async () => {
    const { binary, url } = await startNode()
    const [ann, bob] = [await Person.register(url), await Person.register(url)]
    const id = await ann.open(url, 'direct', [bob])
    const acknowledged: string[] = []
    const failed: string[] = []
    let stopped = false
    const sender = async (name: string) => {
      for (let n = 0; !stopped; n++) {
        const content = `${name}.${n}`
        const answer = await ann
          .call(url, 'POST', `/conversations/${id}/messages`, { content })
          .catch(() => null)
        if (answer?.status === 201) acknowledged.push(content)
        else failed.push(content)
        if (answer === null) return
      }
    }
    const senders = ['a', 'b', 'c', 'd'].map(sender)
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(100))
    binary.signal('SIGTERM')
    expect(await binary.exited).toEqual({ code: 0, signal: null })
    stopped = true
    await Promise.all(senders)
    const stored = new Set<string>()
    for (let before = Number.MAX_SAFE_INTEGER; before > 1; ) {
      const { body } = await bob.call(two, 'GET', `/conversations/${id}/messages?limit=100&before=${before}`)
      const { items } = messages.parse(body)
      for (const { content } of items) stored.add(content)
      before = items[0]?.seq ?? 1
    }
    expect(acknowledged.filter((content) => !stored.has(content))).toEqual([])
  })
})

describe('migrate', () => {
  it('seeds a cluster once, and says so the second time', async () => {
    const first = new Binary('migrate', env, ['seed'])
    expect(await first.exited).toEqual({ code: 0, signal: null })
    const second = new Binary('migrate', env, ['seed'])
    expect(await second.exited).toEqual({ code: 0, signal: null })
    expect(second.stdout).toContain('there already')
    const body = { identifier: 'grace', password: 'realchat-demo' }
    const { status } = await call(one, 'POST', '/auth/login', { body })
    expect(status).toBe(200)
  })
})
