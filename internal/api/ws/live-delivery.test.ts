import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import { RedisBus } from '../../repository/redis/bus.ts'
import { randomUserId } from '../../testkit/events.ts'
import { eventually } from '../../testkit/eventually.ts'
import { type LiveNode, LossyBus, startLiveNode } from '../../testkit/live-node.ts'
import { LiveStores } from '../../testkit/live-stores.ts'
import { testRedisClient } from '../../testkit/redis-client.ts'
import type { SocketClient } from '../../testkit/socket-client.ts'
import { chatTopic } from './topic-names.ts'

const { redis, url, prefix } = await testRedisClient()

const [ann, bob, eve] = [randomUserId(), randomUserId(), randomUserId()]
let count = 0
let stores: LiveStores
let topic: string
/** What the first node publishes. */
let bus: LossyBus
let one: LiveNode
let two: LiveNode

beforeEach(async () => {
  stores = new LiveStores()
  topic = chatTopic(stores.id)
  for (const userId of [ann, bob, eve]) stores.members.set(userId, 0)
  const own = `${prefix}${count++}`
  const make = () => new RedisBus({ urls: [url], prefix: own, redis, onError: () => undefined })
  bus = new LossyBus(make())
  one = await startLiveNode(stores, bus)
  two = await startLiveNode(stores, make())
})

afterEach(async () => {
  await Promise.all([one.stop(), two.stop()])
  expect([...one.errors, ...two.errors]).toEqual([])
})

async function attend(node: LiveNode, userId: UserId, payload: object = {}): Promise<SocketClient> {
  const client = await node.connect(userId)
  await client.join(topic, payload)
  return client
}

async function openInbox(node: LiveNode, userId: UserId): Promise<SocketClient> {
  const client = await node.connect(userId)
  await client.join('user:inbox')
  return client
}

/** Commits a message and tells it from a node. */
function say(node: LiveNode, content?: string): Message {
  const message = stores.message(ann, content)
  node.tell.messageCreated(message, stores.memberVersion, null)
  return message
}

/** Messages and changes as they came: `m` and the seq, `c` and the rev. */
function heard(client: SocketClient, on = topic): string[] {
  return client.frames.flatMap(({ topic: at, event, payload }) => {
    if (at !== on) return []
    if (event === 'message:new') return `m${payload['seq']}`
    return event.startsWith('message:') ? `c${payload['rev']}` : []
  })
}

function events(client: SocketClient, name: string): Record<string, unknown>[] {
  return client.frames.filter(({ event }) => event === name).map(({ payload }) => payload)
}

const messages = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `m${from + index}`)

describe('messages and changes on two nodes', () => {
  it('come in the order of the log, whatever the order they are told in', async () => {
    const clients = [await attend(one, ann), await attend(two, bob)]
    const first = stores.message(ann)
    const edit = stores.change(ann, 1)
    const second = stores.message(bob)
    const reaction = stores.change(bob, 1, 'reaction')
    one.tell.messageChanged(reaction, 1, null)
    two.tell.messageCreated(second, 1, null)
    one.tell.messageChanged(edit, 1, null)
    one.tell.messageCreated(first, 1, null)
    for (const client of clients) {
      await eventually(() => expect(heard(client)).toEqual(['m1', 'c1', 'm2', 'c2']))
    }
    const [told] = events(clients[1] as SocketClient, 'message:reaction:added')
    expect(told).toEqual({ messageId: first.id, seq: 1, emoji: '👍', userId: bob, count: 0, rev: 2 })
    expect([one.live.healed, two.live.healed]).toEqual([0, 0])
  })

  it('reach clients that stay connected when only the bus lost them', async () => {
    const client = await attend(two, bob)
    const inbox = await openInbox(two, eve)
    say(one)
    await eventually(() => expect(heard(client)).toEqual(['m1']))
    bus.isLosing = true
    say(one)
    one.tell.messageChanged(stores.change(ann, 1), 1, null)
    await new Promise((resolve) => setImmediate(resolve))
    bus.isLosing = false
    say(one)
    await eventually(() => expect(heard(client)).toEqual(['m1', 'm2', 'c1', 'm3']))
    await eventually(() => expect(events(inbox, 'inbox:message')).toHaveLength(3))
    expect(events(inbox, 'inbox:changed')).toEqual([{ conversationId: stores.id, rev: 1 }])
    expect(two.live.healed).toBeGreaterThan(0)
  })

  it('reach them when nothing later is said, by the audit', async () => {
    const client = await attend(two, bob)
    stores.message(ann)
    stores.change(ann, 1)
    two.live.observe(await stores.heads())
    await eventually(() => expect(heard(client)).toEqual(['m1', 'c1']))
  })

  it('are not echoed to the socket that sent them, even when they had to wait for lost ones', async () => {
    const [sender, other] = [await attend(two, ann), await attend(two, bob)]
    say(one)
    await eventually(() => expect(heard(sender)).toEqual(['m1']))
    stores.message(bob)
    // More than are held behind a hole, so that the log brings the rest.
    for (let n = 0; n < 300; n++) two.tell.messageCreated(stores.message(ann), 1, two.connectionOf(ann))
    await eventually(() => expect(heard(other)).toEqual(messages(1, 302)))
    expect(heard(sender)).toEqual(['m1', 'm2'])
  })

  it('follow the reply of a join that they overlap, each once', async () => {
    const first = await attend(two, ann)
    say(one)
    await eventually(() => expect(heard(first)).toEqual(['m1']))
    const gate = Promise.withResolvers<void>()
    stores.gate = gate.promise
    const client = await two.connect(bob)
    const reply = client.join(topic, { seq: 0 })
    say(one)
    say(one)
    await eventually(() => expect(heard(first)).toEqual(messages(1, 3)))
    gate.resolve()
    const { seq, messages: missed } = await reply
    const later = say(one).seq
    await eventually(() => expect(heard(client).at(-1)).toBe(`m${later}`))
    const inReply = (missed as Message[]).map((message) => `m${message.seq}`)
    expect(inReply).toEqual(messages(1, Number(seq)))
    expect([...inReply, ...heard(client)]).toEqual(messages(1, later))
    expect(client.frames.findIndex(({ topic: on }) => on === topic)).toBe(
      client.frames.findIndex(({ event }) => event === 'phx_reply'),
    )
  })

  it('of before they came are not shown to those who may not see them', async () => {
    const client = await attend(one, ann)
    say(one)
    one.tell.membersChanged(stores.add(randomUserId()))
    const late = randomUserId()
    one.tell.membersChanged(stores.add(late))
    const lateClient = await attend(two, late)
    say(one)
    one.tell.messageChanged(stores.change(ann, 1), stores.memberVersion, null)
    one.tell.messageChanged(stores.change(ann, 2), stores.memberVersion, null)
    await eventually(() => expect(heard(client)).toEqual(['m1', 'm2', 'c1', 'c2']))
    await eventually(() => expect(heard(lateClient)).toEqual(['m2', 'c2']))
  })
})

function removeUntold(userId: UserId, told: boolean, gone: Map<UserId, number>): void {
  gone.set(userId, stores.seq)
  const removal = stores.remove(userId)
  if (told) one.tell.membersChanged(removal)
}

/** All 200, or, of one who was removed, a beginning that ends by then. */
async function sawAll(client: SocketClient, removedAt: number | undefined): Promise<void> {
  if (removedAt === undefined) await eventually(() => expect(heard(client)).toEqual(messages(1, 200)))
  else {
    await eventually(() => expect(events(client, 'phx_close')).toHaveLength(1))
    expect(heard(client)).toEqual(messages(1, heard(client).length))
    expect(heard(client).length).toBeLessThanOrEqual(removedAt)
  }
}

function typingOf(typist: UserId) {
  const { id: conversationId, memberVersion } = stores
  return { conversationId, memberVersion, typist, isTyping: true, origin: 'elsewhere' }
}

describe('who comes and goes', () => {
  it('hears nothing once removed, on any node, and is told so', async () => {
    const [staying, leaving, inbox] = [
      await attend(one, ann),
      await attend(two, bob),
      await openInbox(two, bob),
    ]
    const leavingHere = await attend(one, bob)
    one.tell.membersChanged(stores.remove(bob))
    say(one)
    await eventually(() => expect(heard(staying)).toEqual(['m1']))
    for (const client of [leaving, leavingHere]) {
      await eventually(() => expect(events(client, 'phx_close')).toHaveLength(1))
      expect(heard(client)).toEqual([])
    }
    expect(events(staying, 'member:left')).toMatchObject([{ member: { user: { id: bob } } }])
    await eventually(() =>
      expect(events(inbox, 'conversation:removed')).toEqual([
        { conversationId: stores.id, reason: 'removed' },
      ]),
    )
    expect(events(inbox, 'inbox:message')).toEqual([])
  })

  it('hears nothing once removed when the bus lost the removal', async () => {
    const [staying, leaving, inbox] = [
      await attend(two, ann),
      await attend(two, bob),
      await openInbox(two, bob),
    ]
    say(one)
    await eventually(() => expect(heard(leaving)).toEqual(['m1']))
    stores.remove(bob)
    say(one)
    await eventually(() => expect(heard(staying)).toEqual(['m1', 'm2']))
    expect(events(leaving, 'phx_close')).toHaveLength(1)
    expect(heard(leaving)).toEqual(['m1'])
    expect(events(inbox, 'conversation:removed')).toHaveLength(1)
    await eventually(() => expect(events(inbox, 'inbox:message')).toHaveLength(1))
  })

  it('is let go by the number of a lost batch, before anything is said', async () => {
    const leaving = await attend(two, bob)
    one.tell.conversationUpdated(stores.id, 1)
    await eventually(() => expect(events(leaving, 'conversation:updated')).not.toEqual([]))
    bus.isLosing = true
    one.tell.membersChanged(stores.remove(bob))
    await new Promise((resolve) => setImmediate(resolve))
    bus.isLosing = false
    one.tell.receiptMoved(stores.read(ann, 1), true, null)
    await eventually(() => expect(events(leaving, 'phx_close')).toHaveLength(1))
  })

  it.each<[string, (userId: UserId) => void]>([
    ['receipt', (userId) => two.tell.receiptMoved(stores.read(userId, 1), true, null)],
    ['typing:start', (userId) => two.tell.typing(typingOf(userId))],
  ])('hears no %s once removed, when the bus lost that', async (event, tell) => {
    const [leaving, staying] = [await attend(two, bob), await attend(two, ann)]
    const eve = randomUserId()
    stores.members.set(eve, 0)
    bus.isLosing = true
    one.tell.membersChanged(stores.remove(bob))
    tell(eve)
    await eventually(() => expect(events(leaving, 'phx_close')).toHaveLength(1))
    tell(eve)
    await eventually(() => expect(events(staying, event)).toHaveLength(1))
    expect(events(leaving, event)).toEqual([])
  })

  it('is shown the conversation and follows it from there, on every node', async () => {
    const late = randomUserId()
    const inboxes = [await openInbox(one, late), await openInbox(two, late)]
    const staying = await attend(one, ann)
    say(one)
    one.tell.membersChanged(stores.add(late))
    for (const inbox of inboxes) {
      await eventually(() => expect(events(inbox, 'conversation:new')).toHaveLength(1))
    }
    say(two)
    for (const inbox of inboxes) {
      await eventually(() => expect(events(inbox, 'inbox:message')).toMatchObject([{ message: { seq: 2 } }]))
    }
    expect(events(staying, 'member:joined')).toMatchObject([{ member: { user: { id: late } } }])
  })

  it('stays when told late of a removal that was undone', async () => {
    const client = await attend(two, bob)
    const removal = stores.remove(bob)
    stores.add(bob)
    say(two)
    await eventually(() => expect(heard(client)).toEqual(['m1']))
    two.tell.membersChanged(removal)
    say(two)
    await eventually(() => expect(heard(client)).toEqual(['m1', 'm2']))
    expect(events(client, 'phx_close')).toEqual([])
  })

  it('is told everything and in order while others are removed, told or not, and much is said', async () => {
    const users = Array.from({ length: 40 }, () => randomUserId())
    for (const userId of users) stores.members.set(userId, 0)
    const clients = new Map<UserId, SocketClient>()
    for (const userId of users) clients.set(userId, await attend(two, userId))
    const gone = new Map<UserId, number>()
    for (let n = 1; n <= 200; n++) {
      const userId = users[n / 40]
      if (userId) removeUntold(userId, n % 80 === 0, gone)
      say(n % 3 === 0 ? two : one)
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    for (const [userId, client] of clients) await sawAll(client, gone.get(userId))
    expect(gone.size).toBe(5)
  })

  it('loses the conversation when it is deleted', async () => {
    const [client, inbox] = [await attend(two, bob), await openInbox(two, ann)]
    one.tell.conversationDeleted(stores.id, ++stores.memberVersion)
    await eventually(() => expect(events(client, 'phx_close')).toHaveLength(1))
    await eventually(() =>
      expect(events(inbox, 'conversation:removed')).toMatchObject([{ reason: 'deleted' }]),
    )
  })
})

describe('what is told of a conversation and to one user', () => {
  it('shows a changed conversation to each as they see it, on its topic and in inboxes', async () => {
    const [client, inbox] = [await attend(two, bob), await openInbox(two, ann)]
    one.tell.conversationUpdated(stores.id, ++stores.memberVersion)
    await eventually(() =>
      expect(events(client, 'conversation:updated')).toMatchObject([
        { conversation: { name: `as ${bob} sees it` } },
      ]),
    )
    await eventually(() =>
      expect(events(inbox, 'conversation:updated')).toMatchObject([
        { conversation: { name: `as ${ann} sees it` } },
      ]),
    )
    one.tell.preferencesChanged(ann, stores.id)
    await eventually(() => expect(events(inbox, 'conversation:updated')).toHaveLength(2))
    expect(events(client, 'conversation:updated')).toHaveLength(1)
  })

  it('tells receipts of each user the latest, forward only, and other devices what was read', async () => {
    const [client, inbox] = [await attend(two, bob), await openInbox(two, ann)]
    const moved = (deliveredSeq: number, readSeq: number) =>
      one.tell.receiptMoved({ ...stores.read(ann, readSeq), deliveredSeq, at: `${deliveredSeq}` }, true, null)
    for (const [delivered, read] of [
      [1, 0],
      [2, 2],
      [3, 1],
    ] as const) {
      moved(delivered, read)
    }
    await eventually(() =>
      expect(events(client, 'receipt')).toEqual([{ userId: ann, deliveredSeq: 3, readSeq: 2, at: '3' }]),
    )
    moved(2, 2)
    moved(4, 2)
    await eventually(() => expect(events(client, 'receipt')).toHaveLength(2))
    await eventually(() =>
      expect(events(inbox, 'inbox:read')).toEqual([{ conversationId: stores.id, readSeq: 2 }]),
    )
  })

  it('tells of what a user hid, and of settings, only that user', async () => {
    const [chat, inbox, other] = [await attend(two, ann), await openInbox(two, ann), await attend(two, bob)]
    const message = say(one)
    await eventually(() => expect(heard(other)).toEqual(['m1']))
    const about = { conversationId: stores.id, messageId: message.id, seq: 1, rev: 0, at: 'now' }
    one.tell.messageHidden({ ...about, userId: ann }, null)
    one.tell.settingsUpdated(ann, { emailDelay: 15 })
    await eventually(() =>
      expect(events(inbox, 'settings:updated')).toEqual([{ settings: { emailDelay: 15 } }]),
    )
    expect(events(inbox, 'inbox:changed')).toEqual([{ conversationId: stores.id, rev: 0 }])
    await eventually(() =>
      expect(events(chat, 'message:deleted')).toEqual([
        { messageId: message.id, seq: 1, deletedBy: ann, deletedAt: 'now', rev: 0, scope: 'me' },
      ]),
    )
    expect(events(other, 'message:deleted')).toEqual([])
  })

  it('tells who types until they stop, leave or say nothing more, and nobody who may not send', async () => {
    const [typist, client] = [await attend(one, ann), await attend(two, bob)]
    const types = (name: string) => typist.push(topic, name)
    const told = () => client.frames.flatMap(({ event }) => (event.startsWith('typing:') ? event : []))
    await types('typing:start')
    await types('typing:start')
    await eventually(() => expect(told()).toEqual(['typing:start']))
    expect(events(client, 'typing:start')).toEqual([{ userId: ann }])
    await types('typing:stop')
    await types('typing:start')
    const onceMore = ['typing:start', 'typing:stop', 'typing:start', 'typing:stop']
    await eventually(() => expect(told()).toEqual(onceMore))
    await types('typing:stop')
    await types('typing:start')
    await typist.close()
    await eventually(() => expect(told()).toEqual([...onceMore, 'typing:start', 'typing:stop']))
    stores.blocked.add(bob)
    await expect(client.push(topic, 'typing:start')).rejects.toMatchObject({ response: {} })
    expect(two.errors.splice(0)).toHaveLength(0)
  })
})
