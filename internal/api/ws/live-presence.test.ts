import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { UserId } from '../../domain/ids.ts'
import { MemoryBus, MemoryExchange } from '../../repository/memory/bus.ts'
import { randomUserId } from '../../testkit/events.ts'
import { eventually } from '../../testkit/eventually.ts'
import { type LiveNode, LossyBus, startLiveNode } from '../../testkit/live-node.ts'
import { LiveStores } from '../../testkit/live-stores.ts'
import type { SocketClient } from '../../testkit/socket-client.ts'
import { chatTopic } from './topic-names.ts'

const [ann, bob, eve] = [randomUserId(), randomUserId(), randomUserId()]
const AT = '2026-11-21T00:00:00.000Z'
let stores: LiveStores
let bus: LossyBus
let one: LiveNode
let two: LiveNode

beforeEach(async () => {
  stores = new LiveStores()
  for (const userId of [ann, bob, eve]) stores.members.set(userId, 0)
  const exchange = new MemoryExchange()
  bus = new LossyBus(new MemoryBus(exchange))
  one = await startLiveNode(stores, bus)
  two = await startLiveNode(stores, new MemoryBus(exchange))
})

afterEach(async () => {
  await Promise.all([one.stop(), two.stop()])
  expect([...one.errors, ...two.errors]).toEqual([])
})

/** A socket on the topic that has been told who is online. */
async function attend(node: LiveNode, userId: UserId): Promise<SocketClient> {
  stores.online.add(userId)
  const client = await node.connect(userId)
  await client.join(chatTopic(stores.id))
  await client.find(({ event }) => event === 'presence_state', 'presence_state')
  return client
}

function payloads(client: SocketClient, name: string): Record<string, unknown>[] {
  return client.frames.filter(({ event }) => event === name).map(({ payload }) => payload)
}

function state(client: SocketClient): Record<string, { metas: { phx_ref: string }[] }> {
  const [payload] = payloads(client, 'presence_state')
  return payload as Record<string, { metas: { phx_ref: string }[] }>
}

function turn(node: LiveNode, userId: UserId, isOnline: boolean): void {
  if (isOnline) stores.online.add(userId)
  else stores.online.delete(userId)
  node.tell.presence({ userId, isOnline, at: AT })
}

it('lists who is online anywhere, with the same ref on every node', async () => {
  const [anns, bobs] = [await attend(one, ann), await attend(two, bob)]
  expect(Object.keys(state(bobs)).sort()).toEqual([ann, bob].sort())
  expect(state(bobs)[ann]?.metas[0]?.phx_ref).toBe(state(anns)[ann]?.metas[0]?.phx_ref)
})

it('tells once who came and went, in the shape of the state', async () => {
  const client = await attend(two, bob)
  turn(one, eve, true)
  turn(one, eve, true)
  turn(one, eve, false)
  await eventually(() => expect(payloads(client, 'user:offline')).toEqual([{ userId: eve, at: AT }]))
  expect(payloads(client, 'user:online')).toEqual([{ userId: eve, at: AT }])
  const meta = { phx_ref: expect.any(String), onlineAt: AT }
  expect(payloads(client, 'presence_diff')).toEqual([
    { joins: { [eve]: { metas: [meta] } }, leaves: {} },
    { joins: {}, leaves: { [eve]: { metas: [meta] } } },
  ])
})

it('hides who blocked somebody from them alone', async () => {
  stores.blocks.add(`${eve} ${bob}`)
  stores.online.add(eve)
  const [bobs, anns] = [await attend(two, bob), await attend(two, ann)]
  expect(Object.keys(state(bobs))).not.toContain(eve)
  expect(Object.keys(state(anns))).toContain(eve)
  turn(one, eve, false)
  await eventually(() => expect(payloads(anns, 'user:offline')).toHaveLength(1))
  expect(payloads(bobs, 'user:offline')).toEqual([])
  expect(payloads(bobs, 'presence_diff')).toEqual([])
})

it('follows who comes into the conversation and leaves it, and finds what the bus lost', async () => {
  const client = await attend(two, bob)
  const late = randomUserId()
  stores.online.add(late)
  one.tell.membersChanged(stores.add(late))
  await eventually(() => expect(payloads(client, 'user:online')).toMatchObject([{ userId: late }]))
  bus.isLosing = true
  turn(one, late, false)
  await new Promise((resolve) => setImmediate(resolve))
  bus.isLosing = false
  // The next number on that shard shows the loss.
  one.tell.settingsUpdated(late, {})
  await eventually(() => expect(payloads(client, 'user:offline')).toMatchObject([{ userId: late }]))
})

it('shows presence anew to who was blocked, and again when that is over', async () => {
  const [anns, bobs] = [await attend(one, ann), await attend(two, bob)]
  expect(Object.keys(state(bobs))).toContain(ann)
  stores.blocks.add(`${ann} ${bob}`)
  one.tell.blocksChanged(bob)
  await eventually(() => expect(payloads(bobs, 'presence_state')).toHaveLength(2))
  expect(Object.keys(payloads(bobs, 'presence_state')[1] ?? {})).toEqual([bob])
  stores.blocks.clear()
  one.tell.blocksChanged(bob)
  await eventually(() => expect(payloads(bobs, 'presence_state')).toHaveLength(3))
  expect(Object.keys(payloads(bobs, 'presence_state')[2] ?? {}).sort()).toEqual([ann, bob].sort())
  expect(payloads(anns, 'presence_state')).toHaveLength(1)
})

it('shows presence anew to who was blocked while the bus lost that', async () => {
  await attend(one, ann)
  const bobs = await attend(two, bob)
  expect(Object.keys(state(bobs))).toContain(ann)
  bus.isLosing = true
  stores.block(ann, bob)
  one.tell.blocksChanged(bob)
  await new Promise((resolve) => setImmediate(resolve))
  bus.isLosing = false
  // The next number on that shard shows the loss.
  one.tell.settingsUpdated(bob, {})
  await eventually(() => {
    expect(
      payloads(bobs, 'presence_state')
        .map((shown) => Object.keys(shown))
        .at(-1),
    ).toEqual([bob])
  })
})

it('shows presence anew when a group has become too large to list, and small enough again', async () => {
  for (let n = stores.members.size; n < 200; n++) stores.members.set(randomUserId(), 0)
  const client = await attend(two, bob)
  const [late] = [randomUserId()]
  one.tell.membersChanged(stores.add(late))
  await eventually(() => expect(payloads(client, 'presence:count')).toEqual([{ online: 1 }]))
  expect(payloads(client, 'presence_state')[1]).toEqual({})
  one.tell.membersChanged(stores.remove(late))
  await eventually(() => expect(payloads(client, 'presence_state')).toHaveLength(3))
  expect(Object.keys(payloads(client, 'presence_state')[2] ?? {})).toEqual([bob])
})

it('tells large groups only how many are online', async () => {
  for (let n = 0; n < 200; n++) stores.members.set(randomUserId(), 0)
  const client = await attend(two, bob)
  await eventually(() => expect(payloads(client, 'presence:count')).toEqual([{ online: 1 }]))
  expect(state(client)).toEqual({})
})
