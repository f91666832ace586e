import { once } from 'node:events'
import { createServer } from 'node:http'
import { beforeAll, expect, it } from '@jest/globals'
import { type BusListener, RealtimeServer, TopicRegistry } from '../internal/realtime/index.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'
import { SocketClient } from '../internal/testkit/socket-client.ts'
import { Rooms, type Said, type Shared } from './rooms-on-nodes.ts'

const log: Said[] = []
const present = new Map<string, string>()
const listeners = new Set<BusListener>()
const errors: unknown[] = []
let isLosing = false

/** One room's worth of a bus and a database. */
const shared: Shared = {
  bus: {
    async publish(shard, bytes) {
      await undefined
      if (!isLosing) for (const listener of listeners) listener.onMessage(shard, bytes)
    },
    async run(listener, signal, ready) {
      listeners.add(listener)
      ready()
      await once(signal, 'abort')
    },
  },
  log: {
    append: async (_room, by, text) => {
      const said = { n: log.length + 1, by, text }
      log.push(said)
      return said
    },
    head: async () => log.length,
    after: async (_room, n) => log.slice(n),
  },
  present: {
    enter: async (_room, id, name) => void present.set(id, name),
    leave: async (_room, id) => void present.delete(id),
    in: async () => [...present].map(([id, name]) => ({ id, name })),
  },
}

async function startNode(nodeId: string): Promise<{ rooms: Rooms; url: string }> {
  const onError = (error: unknown) => void errors.push(error)
  const rooms = new Rooms(shared, onError)
  const http = createServer()
  const server = new RealtimeServer<{ name: string }>({
    ...{ http, nodeId, hub: rooms.hub, registry: new TopicRegistry<{ name: string }>().add(rooms.topic) },
    authenticate: async (token) => ({ name: token }),
    keyOf: ({ name }) => name,
    toRefusal: () => null,
    onError,
    allowOrigin: () => true,
    addressOf: () => '',
    limits: { drainMs: 0 },
  })
  const stop = new AbortController()
  const running = [rooms.bus, server].map((part) => part.run(stop.signal, () => undefined))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  cleanUpAfterFile(async () => {
    stop.abort()
    await Promise.all(running)
    http.close()
  })
  const address = http.address()
  return { rooms, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` }
}

let two: Rooms
let ann: SocketClient
let bob: SocketClient
beforeAll(async () => {
  const [first, second] = [await startNode('one'), await startNode('two')]
  two = second.rooms
  ann = await SocketClient.connect(first.url, { token: 'ann' })
  bob = await SocketClient.connect(second.url, { token: 'bob' })
  await ann.join('room:hall')
  await bob.join('room:hall')
})

const say = (text: string) => ann.push('room:hall', 'say', { text })
const payloadsOf = (client: SocketClient, event: string) =>
  client.frames.filter((frame) => frame.event === event).map(({ payload }) => payload)
const heard = (client: SocketClient) => payloadsOf(client, 'said').map((said) => said['n'])
const statesOf = (client: SocketClient) =>
  payloadsOf(client, 'presence_state').map((state) => Object.keys(state).toSorted())

it('tells each other what is said, once and in order, and who is there', async () => {
  expect(await say('one')).toEqual({ n: 1 })
  await say('two')
  await eventually(() => expect(heard(bob)).toEqual([1, 2]))
  expect(heard(ann)).toEqual([])
  expect(statesOf(bob).at(-1)).toEqual(['ann', 'bob'])
  expect((await ann.waitForEvent('room:hall', 'presence_diff')).payload).toMatchObject({ leaves: {} })
})

it('heals what the bus has lost, when the next batch comes or by the audit', async () => {
  const states = statesOf(bob).length
  isLosing = true
  await say('three')
  isLosing = false
  await say('four')
  await eventually(() => expect(heard(bob)).toEqual([1, 2, 3, 4]))
  await eventually(() => expect(statesOf(bob).length).toBeGreaterThan(states))
  isLosing = true
  await say('five')
  isLosing = false
  await two.audit()
  await eventually(() => expect(heard(bob)).toEqual([1, 2, 3, 4, 5]))
})

it('answers a cursor, and takes who left off the list', async () => {
  expect(await bob.join('room:hall', { after: 4 })).toEqual({ said: [{ n: 5, by: 'ann', text: 'five' }] })
  await ann.close()
  await eventually(() =>
    expect(payloadsOf(bob, 'presence_diff').at(-1)).toMatchObject({
      leaves: { ann: { metas: [{}] } },
    }),
  )
  expect(errors).toEqual([])
})
