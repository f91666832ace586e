import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  type Channel,
  event,
  RealtimeServer,
  type RealtimeServerOptions,
  RefusalError,
  refusal,
  type SocketLimits,
  type TopicDefinition,
  TopicHub,
  TopicRegistry,
} from '../realtime/index.ts'

export interface ToyActor {
  userId: string
}

export interface ToyState {
  room: string
  pushes: number
}

export type ToyChannel = Channel<ToyActor, ToyState>

/** A running server with one topic, `room:<name>`, that does whatever the protocol allows. */
export interface Toy {
  url: string
  port: number
  server: RealtimeServer<ToyActor>
  hub: TopicHub
  /** What the topic's hooks and `onError` saw, in order. */
  log: string[]
  /** Lets everything that waits under this name go on. */
  release(name: string): void
  /** Drains as a SIGTERM would. */
  drain(): Promise<void>
  stop(): Promise<void>
}

type ToyOptions = Partial<Omit<RealtimeServerOptions<ToyActor>, 'http' | 'limits'>> & {
  limits?: Partial<SocketLimits>
}

export async function startToy(options: ToyOptions = {}): Promise<Toy> {
  const http = createServer((_request, response) => response.end('toy'))
  const hub = new TopicHub()
  const log: string[] = []
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const gate = (name: string) => {
    const known = gates.get(name) ?? Promise.withResolvers<void>()
    gates.set(name, known)
    return known
  }
  const server = new RealtimeServer<ToyActor>({
    http,
    hub,
    registry: new TopicRegistry<ToyActor>().add(toyTopic(hub, log, (name) => gate(name).promise)),
    authenticate: toyAuthenticate,
    keyOf: ({ userId }) => userId,
    toRefusal: () => null,
    onError: (error, { event: where }) => log.push(`error in ${where}: ${String(error)}`),
    allowOrigin: (origin) => origin === 'https://good.example',
    addressOf: (request) => request.socket.remoteAddress ?? '',
    nodeId: 'toy',
    ...options,
    limits: { drainMs: 0, ...options.limits },
  })
  const stop = new AbortController()
  const ready = Promise.withResolvers<void>()
  const run = server.run(stop.signal, ready.resolve)
  http.listen(0, '127.0.0.1')
  await Promise.all([ready.promise, once(http, 'listening')])
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const drain = async () => {
    stop.abort()
    for (const { resolve } of gates.values()) resolve()
    await run
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    server,
    hub,
    log,
    release: (name) => gate(name).resolve(),
    drain: () => {
      stop.abort()
      return run
    },
    stop: async () => {
      await drain()
      http.closeAllConnections()
      http.close()
    },
  }
}

async function toyAuthenticate(token: string): Promise<ToyActor> {
  if (token === 'bad') throw new RefusalError(refusal('unauthenticated', 'The token is bad.'))
  if (token === 'suspended') throw new RefusalError(refusal('forbidden', 'The account is suspended.'))
  if (token === 'bug') throw new Error('a bug in authenticate')
  return { userId: token }
}

function toyTopic(
  hub: TopicHub,
  log: string[],
  gate: (name: string) => Promise<void>,
): TopicDefinition<ToyActor, { room: string }, ToyState> {
  const wait = async (payload: Record<string, unknown>) => {
    if (typeof payload['wait'] === 'string') await gate(payload['wait'])
  }
  return {
    name: 'room',
    match: (topic) => (topic.startsWith('room:') ? { room: topic.slice(5) } : null),
    assigns: ({ room }) => ({ room, pushes: 0 }),
    async join(channel, { room }, payload) {
      log.push(`join ${room}`)
      await wait(payload)
      if (payload['refuse']) throw new RefusalError(refusal('forbidden', 'Not for you.', 1500))
      if (payload['crash']) throw new Error('a bug in join')
      return {
        response: { room, early: channel.push('early', {}) },
        afterReply: () => {
          if (payload['crashAfter']) throw new Error('a bug after the reply')
          if (payload['greet']) channel.push('hello', { room })
        },
      }
    },
    relieved: (channel) => void log.push(`relieved ${channel.state.room}`),
    leave: (channel) => void log.push(`leave ${channel.state.room} ${channel.joinRef}`),
    events: {
      echo: event({ handle: (_channel: ToyChannel, payload) => payload }),
      count: event({
        async handle(channel: ToyChannel, payload) {
          const n = ++channel.state.pushes
          await wait(payload)
          return { n }
        },
      }),
      shout: event({
        handle(channel: ToyChannel, payload) {
          const { id } = channel.connection
          hub.broadcast(channel.topic, 'shouted', JSON.stringify(payload), { exceptConnectionId: id })
          return {}
        },
      }),
      number: event({
        schema: { parse: parseNumber },
        handle: (_channel: ToyChannel, { n }) => ({ doubled: 2 * n }),
      }),
      scoped: event({ scope: 'rooms:write', handle: (_channel: ToyChannel) => ({}) }),
      crash: event({
        async handle(_channel: ToyChannel, payload) {
          await wait(payload)
          throw new Error('a bug in crash')
        },
      }),
      kick: event({
        handle(channel: ToyChannel) {
          channel.close()
          return {}
        },
      }),
    },
  }
}

function parseNumber(payload: unknown): { n: number } {
  const n = typeof payload === 'object' && payload !== null && 'n' in payload ? payload.n : undefined
  if (typeof n === 'number') return { n }
  const errors = [{ path: 'n', message: 'must be a number' }]
  throw new RefusalError({ ...refusal('validation_failed', 'The payload is wrong.'), errors })
}
