import type { IncomingMessage, Server } from 'node:http'
import type { ChannelConnection, ChannelHost } from './channel.ts'
import type { TopicHub } from './hub.ts'
import type { BackPressure } from './limits.ts'
import type { Refusal, ToRefusal } from './refusal.ts'
import type { TopicRegistry } from './registry.ts'

export interface RealtimeServerOptions<Actor> {
  http: Server
  /** `/socket/websocket` unless given. */
  path?: string
  registry: TopicRegistry<Actor>
  hub: TopicHub
  /** Who the token stands for. Throws what `toRefusal` knows: refused at the upgrade, never accepted to be closed. */
  authenticate(token: string, request: IncomingMessage): Promise<Actor>
  /** What sockets are indexed and limited by, a user's id for example. */
  keyOf(actor: Actor): string
  toRefusal: ToRefusal
  onError: ChannelHost<Actor>['onError']
  /** A missing Origin is always allowed. */
  allowOrigin(origin: string, request: IncomingMessage): boolean
  /** The client's address, behind proxies that are trusted. */
  addressOf(request: IncomingMessage): string
  /** Milliseconds after which to come again, when the node sheds load or the address comes too often. */
  shed?(address: string): { code: 'overloaded' | 'rate_limited'; retryAfterMs: number } | null
  allowScope?(actor: Actor, scope: string): boolean
  /** Rate limit of joins and pushes; a refusal is the reply. */
  admit?(connection: ChannelConnection<Actor>, topic: string, event: string): Refusal | null
  /** A socket has been accepted, or is gone. */
  onConnect?(connection: ChannelConnection<Actor>): void
  onDisconnect?(connection: ChannelConnection<Actor>): void
  limits?: Partial<SocketLimits>
  /** Unique over all nodes; part of every connection's id. */
  nodeId: string
  now?: () => number
  random?: () => number
}

/** 0 turns a limit on sockets off. */
export interface SocketLimits {
  socketsPerKey: number
  socketsPerAddress: number
  channelsPerSocket: number
  inFlightPerSocket: number
  messageBytes: number
  silenceMs: number
  /** How often silence and congestion are looked at. */
  tickMs: number
  upgradeMs: number
  drainMs: number
  backPressure: BackPressure
}
