import { beforeAll, describe, expect, it } from '@jest/globals'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { canOwn, ownRedisCluster } from '../internal/testkit/own-stores.ts'
import type { SocketClient } from '../internal/testkit/socket-client.ts'

const START_MS = 120_000
const OUTAGE_MS = 120_000
/** As many as make it sure that each node of Redis has some of them. */
const CONVERSATIONS = 12

type RedisCluster = Awaited<ReturnType<typeof ownRedisCluster>>
let redis: RedisCluster
let one: string
let two: string

beforeAll(async () => {
  if (!canOwn('redis')) return
  const env = await clusterEnvironment()
  redis = await ownRedisCluster()
  const apis = [0, 1].map(() => new Binary('api', { ...env, REDIS_URL: redis.urls.join(',') }))
  const [first, second] = await Promise.all(apis.map((api) => api.ready()))
  one = `http://127.0.0.1:${first}`
  two = `http://127.0.0.1:${second}`
}, START_MS)

function heard(socket: SocketClient, id: string): unknown[] {
  return socket.frames
    .filter(({ topic, event }) => topic === `chat:${id}` && event === 'message:new')
    .map(({ payload }) => payload['content'])
}

/** Conversations of two people at different nodes, with Bob on all their topics at his. */
async function manyRooms() {
  const [ann, bob] = [await Person.register(one), await Person.register(two)]
  const socket = await bob.connect(two)
  const ids: string[] = []
  for (let n = 0; n < CONVERSATIONS; n++) {
    const id = await ann.open(one, 'group', [bob])
    await socket.join(`chat:${id}`)
    ids.push(id)
  }
  const sent: string[] = []
  /** Says something in each, which is heard there after all that was said before. */
  const say = async (content: string) => {
    sent.push(content)
    for (const id of ids) {
      expect((await ann.call(one, 'POST', `/conversations/${id}/messages`, { content })).status).toBe(201)
    }
    await eventually(() => {
      for (const id of ids) expect(heard(socket, id)).toEqual(sent)
    })
  }
  return { socket, say }
}

const withRedis = canOwn('redis') ? it : it.skip

describe('two API nodes on a Redis Cluster', () => {
  withRedis('tell each other of messages, typing and who is online', async () => {
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = await ann.open(one, 'direct', [bob])
    const topic = `chat:${id}`
    const annsSocket = await ann.connect(one)
    await annsSocket.join(topic)
    const bobsSocket = await bob.connect(two)
    await bobsSocket.join(topic)
    const online = await annsSocket.find(({ event }) => event === 'user:online', 'user:online')
    expect(online.payload).toMatchObject({ userId: bob.id })
    await bobsSocket.push(topic, 'typing:start')
    await annsSocket.find(({ event }) => event === 'typing:start', 'typing:start')
    await annsSocket.push(topic, 'message:send', { type: 'text', content: 'hello' })
    await eventually(() => expect(heard(bobsSocket, id)).toEqual(['hello']))
    await bobsSocket.close()
    await annsSocket.find(({ event }) => event === 'user:offline', 'user:offline')
    await annsSocket.close()
  })

  withRedis('close the sockets of a session that ended at the other node', async () => {
    const ann = await Person.register(one)
    const sockets = [await ann.connect(one), await ann.connect(two)]
    expect((await ann.call(one, 'POST', '/auth/logout')).status).toBe(204)
    for (const socket of sockets) expect(await socket.closed).toMatchObject({ code: 4403 })
    await eventually(() => expect(ann.connect(two)).rejects.toThrow('403'))
  })

  withRedis(
    'go on while one of its nodes is down, and as before when it is back',
    async () => {
      const { socket, say } = await manyRooms()
      await say('before')
      const node = redis.nodes[1]
      await node?.kill()
      for (const content of ['one', 'two', 'three']) await say(content)
      await node?.restart()
      await redis.whole()
      for (const content of ['back', 'well']) await say(content)
      const [ann, bob] = [await Person.register(one), await Person.register(two)]
      const id = await ann.open(one, 'direct', [bob])
      await eventually(async () => {
        const sockets = [await ann.connect(one), await bob.connect(two)] as const
        try {
          await sockets[0].join(`chat:${id}`)
          await sockets[1].join(`chat:${id}`)
          const state = await sockets[0].find(({ event }) => event === 'presence_state', 'presence_state')
          const online = sockets[0].frames.some(({ event }) => event === 'user:online')
          expect(online || Object.keys(state.payload).includes(bob.id)).toBe(true)
        } finally {
          for (const one of sockets) await one.close()
        }
      })
      await socket.close()
    },
    OUTAGE_MS,
  )
})
