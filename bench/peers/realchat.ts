import { once } from 'node:events'
import { createServer } from 'node:http'
import { BatchingBus, event, RealtimeServer, TopicHub, TopicRegistry } from '../../internal/realtime/index.ts'
import { type Bus, SHARDS } from '../../internal/realtime/ports.ts'
import { MemoryBus } from '../../internal/repository/memory/bus.ts'
import { RedisBus } from '../../internal/repository/redis/bus.ts'
import { createRedis, redisReady } from '../../internal/repository/redis/client.ts'

const onError = (error: unknown) => console.error(error)

/** The socket layer alone, a topic of rooms on it; over `REDIS_URL` if several processes share the rooms. */
export async function serveRealchat(): Promise<number> {
  const http = createServer()
  const hub = new TopicHub()
  const batching = new BatchingBus({
    bus: await busOf(process.env['REDIS_URL']),
    listener: listenerOf(hub),
    onError,
  })
  const registry = new TopicRegistry<null>().add({
    name: 'room',
    match: (topic) => (topic.startsWith('room:') ? topic : null),
    assigns: () => null,
    join: async () => ({ response: {} }),
    events: {
      say: event({
        handle: ({ topic, connection }, payload) => {
          const entry = `${connection.id}\n${topic}\n${JSON.stringify(payload)}`
          batching.publish(topic.charCodeAt(topic.length - 1) % SHARDS, entry)
          return {}
        },
      }),
    },
  })
  const server = new RealtimeServer<null>({
    http,
    hub,
    registry,
    authenticate: async () => null,
    keyOf: () => 'load',
    toRefusal: () => null,
    onError,
    allowOrigin: () => true,
    addressOf: () => '',
    nodeId: String(process.pid),
  })
  const { signal } = new AbortController()
  for (const part of [batching, server]) {
    await new Promise<void>((ready, failed) => {
      part.run(signal, ready).catch(failed)
    })
  }
  http.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(http, 'listening')
  const address = http.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

function listenerOf(hub: TopicHub) {
  return {
    onEntry: (_shard: number, entry: string) => {
      const first = entry.indexOf('\n')
      const second = entry.indexOf('\n', first + 1)
      const topic = entry.slice(first + 1, second)
      hub.broadcast(topic, 'said', entry.slice(second + 1), { exceptConnectionId: entry.slice(0, first) })
    },
    onGap: () => {},
  }
}

async function busOf(url: string | undefined): Promise<Bus> {
  if (!url) return new MemoryBus()
  const redis = createRedis([url], 'bench')
  await redisReady(redis)
  return new RedisBus({ urls: [url], prefix: 'bench:', redis, onError })
}
