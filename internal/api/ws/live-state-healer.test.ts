import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { DEFAULT_NOTIFICATION_SETTINGS } from '../../domain/notification.ts'
import { MemoryBus } from '../../repository/memory/bus.ts'
import { randomUserId } from '../../testkit/events.ts'
import { eventually } from '../../testkit/eventually.ts'
import { type LiveNode, LossyBus, startLiveNode } from '../../testkit/live-node.ts'
import { LiveStores } from '../../testkit/live-stores.ts'
import type { SocketClient } from '../../testkit/socket-client.ts'
import { chatTopic } from './topic-names.ts'

const [ann, bob] = [randomUserId(), randomUserId()]
const settings = { ...DEFAULT_NOTIFICATION_SETTINGS, emailDelay: 600 }
const settingsFrame = z.object({ settings: z.object({ emailDelay: z.int() }) })
let stores: LiveStores
/** What the first node publishes. */
let bus: LossyBus
let one: LiveNode
let two: LiveNode
/** On the second node. */
let bobsChat: SocketClient
let annsInbox: SocketClient

beforeEach(async () => {
  stores = new LiveStores()
  for (const userId of [ann, bob]) stores.members.set(userId, 0)
  const shared = new MemoryBus()
  bus = new LossyBus(shared)
  one = await startLiveNode(stores, bus)
  two = await startLiveNode(stores, shared)
  bobsChat = await two.connect(bob)
  await bobsChat.join(chatTopic(stores.id))
  annsInbox = await two.connect(ann)
  await annsInbox.join('user:inbox')
  readAndTell(1)
  one.tell.preferencesChanged(ann, stores.id)
  one.tell.settingsUpdated(ann, DEFAULT_NOTIFICATION_SETTINGS)
  await eventually(() => expect(told()).toEqual({ receipts: [1], reads: [1], shown: 1, settings: [900] }))
})

afterEach(async () => {
  await Promise.all([one.stop(), two.stop()])
  expect([...one.errors, ...two.errors]).toEqual([])
})

function readAndTell(seq: number): void {
  one.tell.receiptMoved(stores.read(ann, seq), true, null)
}

function payloads(client: SocketClient, name: string): Record<string, unknown>[] {
  return client.frames.filter(({ event }) => event === name).map(({ payload }) => payload)
}

/** What the second node's sockets were told of Ann. */
function told() {
  return {
    receipts: payloads(bobsChat, 'receipt').map(({ readSeq }) => readSeq),
    reads: payloads(annsInbox, 'inbox:read').map(({ readSeq }) => readSeq),
    shown: payloads(annsInbox, 'conversation:updated').length,
    settings: payloads(annsInbox, 'settings:updated').map(
      (one) => settingsFrame.parse(one).settings.emailDelay,
    ),
  }
}

/** What happens meanwhile is committed, and told to this node alone. */
async function lost(work: () => void): Promise<void> {
  bus.isLosing = true
  work()
  one.tell.flush()
  await new Promise((resolve) => setImmediate(resolve))
  bus.isLosing = false
}

describe('what has no number', () => {
  it('is told from the store when the number of a later batch shows that it was lost, each once', async () => {
    await lost(() => {
      readAndTell(5)
      stores.prefer(ann)
      one.tell.preferencesChanged(ann, stores.id)
      stores.set(ann, settings)
      one.tell.settingsUpdated(ann, settings)
    })
    expect(told()).toEqual({ receipts: [1], reads: [1], shown: 1, settings: [900] })
    // Old news, on both shards.
    one.tell.receiptMoved({ ...stores.read(ann, 5), readSeq: 1, deliveredSeq: 1 }, true, null)
    const all = { receipts: [1, 5], reads: [1, 5], shown: 2, settings: [900, 600] }
    await eventually(() => expect(told()).toEqual(all))
    readAndTell(6)
    await eventually(() => expect(told()).toEqual({ ...all, receipts: [1, 5, 6], reads: [1, 5, 6] }))
  })

  it('is not told again by those who lost nothing of it', async () => {
    await lost(() => readAndTell(5))
    one.tell.receiptMoved({ ...stores.read(ann, 5), readSeq: 1, deliveredSeq: 1 }, true, null)
    await eventually(() => expect(told().receipts).toEqual([1, 5]))
    expect(told()).toEqual({ receipts: [1, 5], reads: [1, 5], shown: 1, settings: [900] })
  })

  it('is told when the store was away just then', async () => {
    await lost(() => readAndTell(5))
    const gate = Promise.withResolvers<never>()
    stores.states = gate.promise
    one.tell.receiptMoved({ ...stores.read(ann, 5), readSeq: 1, deliveredSeq: 1 }, true, null)
    gate.reject(new Error('away'))
    await eventually(() => expect(two.errors).not.toEqual([]))
    stores.states = Promise.resolve()
    await eventually(() => expect(told().receipts).toEqual([1, 5]))
    two.errors.splice(0)
    one.errors.splice(0)
  })

  it('is told to nobody who may have been removed, and to the others once that is known', async () => {
    const eve = randomUserId()
    stores.members.set(eve, 0)
    const evesChat = await two.connect(eve)
    await evesChat.join(chatTopic(stores.id))
    const gate = Promise.withResolvers<void>()
    await lost(() => {
      one.tell.membersChanged(stores.remove(bob))
      readAndTell(5)
      stores.set(ann, settings)
    })
    stores.gate = gate.promise
    // Old news, on both shards.
    one.tell.receiptMoved({ ...stores.read(ann, 5), readSeq: 1, deliveredSeq: 1 }, true, null)
    await eventually(() => expect(told()).toMatchObject({ reads: [1, 5], settings: [900, 600] }))
    gate.resolve()
    await eventually(() => expect(payloads(evesChat, 'receipt').map(({ readSeq }) => readSeq)).toEqual([5]))
    expect(bobsChat.frames.map(({ event }) => event)).toContain('phx_close')
    expect(told().receipts).toEqual([1])
  })

  it('has who was removed and came back while the bus lost both fetch the conversation anew', async () => {
    const seen = (client: SocketClient) => payloads(client, 'message:new').map(({ content }) => content)
    stores.members.set(randomUserId(), 0)
    const say = (content: string) => {
      one.tell.messageCreated(stores.message(ann, content), stores.memberVersion, null)
    }
    await lost(() => {
      one.tell.membersChanged(stores.remove(bob))
      say('not for him')
      one.tell.membersChanged(stores.add(bob))
    })
    say('for him again')
    await eventually(() => expect(payloads(bobsChat, 'phx_error')).toEqual([{ reason: 'resync' }]))
    await bobsChat.join(chatTopic(stores.id))
    say('more')
    await eventually(() => expect(seen(bobsChat).at(-1)).toBe('more'))
    expect(seen(bobsChat)).not.toContain('not for him')
    expect(payloads(annsInbox, 'phx_error')).toEqual([])
  })
})
