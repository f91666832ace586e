import { once } from 'node:events'
import { createServer } from 'node:http'
import { refusalOf } from '../api/problem.ts'
import { chatTopicDefinition } from '../api/ws/chat-topic.ts'
import { inboxTopicDefinition } from '../api/ws/inbox-topic.ts'
import { Live } from '../api/ws/live.ts'
import { LiveAudit } from '../api/ws/live-audit.ts'
import { LivePublisher } from '../api/ws/live-publisher.ts'
import { DomainError } from '../domain/errors.ts'
import { type SessionId, type UserId, uuidv7 } from '../domain/ids.ts'
import { type Actor, SCOPES } from '../domain/user.ts'
import { BatchingBus, RealtimeServer, TopicHub, TopicRegistry } from '../realtime/index.ts'
import type { Bus, BusListener } from '../realtime/ports.ts'
import { type LiveStores, userOf } from './live-stores.ts'
import { SocketClient } from './socket-client.ts'

/** A bus that can lose what is published without a word. */
export class LossyBus implements Bus {
  isLosing = false
  readonly #bus: Bus

  constructor(bus: Bus) {
    this.#bus = bus
  }

  async publish(shard: number, bytes: Uint8Array): Promise<void> {
    if (!this.isLosing) await this.#bus.publish(shard, bytes)
  }

  run(listener: BusListener, signal: AbortSignal, ready: () => void): Promise<void> {
    return this.#bus.run(listener, signal, ready)
  }
}

/** Live delivery of one node with its sockets, over stores that the test writes to. */
export interface LiveNode {
  live: Live
  topics: TopicRegistry<Actor>
  /** Tells all nodes. */
  tell: LivePublisher
  errors: unknown[]
  connect(userId: UserId): Promise<SocketClient>
  /** Id of the user's connection here. */
  connectionOf(userId: UserId): string
  stop(): Promise<void>
}

export async function startLiveNode(stores: LiveStores, bus: Bus): Promise<LiveNode> {
  const http = createServer()
  const hub = new TopicHub()
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  const live = new Live({
    hub,
    history: stores,
    presence: stores.presence,
    directory: stores,
    relay: { wake: () => {} },
    states: stores,
    typingMs: 300,
    onError,
  })
  const batching = new BatchingBus({ bus, listener: live, onError })
  const tell = new LivePublisher((shard, entry) => batching.publish(shard, entry), 20)
  const audit = new LiveAudit({
    live,
    log: stores,
    membershipsOf: (actor) => stores.memberships(actor),
    onError,
  })
  const registry = topics(stores, live, tell)
  const server = new RealtimeServer<Actor>({
    http,
    hub,
    registry,
    authenticate: async (token) => actorOf(token as UserId),
    keyOf: ({ userId }) => userId,
    toRefusal: (error) => (error instanceof DomainError ? refusalOf(error) : null),
    onError,
    allowOrigin: () => true,
    addressOf: () => '',
    nodeId: uuidv7(),
    limits: { drainMs: 0, socketsPerAddress: 0 },
  })
  const stop = new AbortController()
  const runs: Promise<void>[] = []
  for (const part of [batching, audit, server]) {
    const ready = Promise.withResolvers<void>()
    runs.push(part.run(stop.signal, ready.resolve))
    await ready.promise
  }
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    live,
    topics: registry,
    tell,
    errors,
    connect: (userId) => SocketClient.connect(`http://127.0.0.1:${address.port}`, { token: userId }),
    connectionOf: (userId) => [...server.connectionsOf(userId)][0]?.id ?? '',
    stop: async () => {
      stop.abort()
      await Promise.all(runs)
      http.closeAllConnections()
      http.close()
    },
  }
}

function topics(stores: LiveStores, live: Live, publisher: LivePublisher): TopicRegistry<Actor> {
  const unused = async (): Promise<never> => {
    throw new Error('not part of this test')
  }
  const changes = { edit: unused, erase: unused, hide: unused, react: unused }
  const history = { catchUp: stores.catchUp.bind(stores), changes: unused }
  const own = { email: null, phone: null, emailVerified: false, phoneVerified: false, totpEnabled: false }
  return new TopicRegistry<Actor>()
    .add(
      chatTopicDefinition({
        conversations: stores,
        live,
        history,
        changes,
        typing: { access: stores.access, publisher, now: Date.now },
        messages: { send: unused, page: unused },
        receipts: { read: unused, delivered: unused },
      }),
    )
    .add(
      inboxTopicDefinition({
        conversations: stores,
        live,
        users: { me: async ({ userId }) => ({ ...userOf(userId), ...own, role: 'user' }) },
        sync: { sync: unused },
      }),
    )
}

function actorOf(userId: UserId): Actor {
  return { userId, sessionId: uuidv7<SessionId>(), scopes: new Set(SCOPES) }
}
