import { type ChannelConnection, type ChannelHost, LiveChannel } from './channel.ts'
import { CLOSE } from './close-codes.ts'
import { type Frame, NULL_REF, parseFrame, type RefText, replyJson } from './codec.ts'
import type { TopicHub } from './hub.ts'
import type { Counters } from './limits.ts'
import {
  CRASHED_JOIN,
  type Refusal,
  refusal,
  refusalOf,
  TOO_MANY_CHANNELS,
  type ToRefusal,
  UNMATCHED_TOPIC,
} from './refusal.ts'
import type { TopicRegistry } from './registry.ts'
import type { EventDefinition, TopicDefinition } from './topic.ts'

export interface DispatcherOptions<Actor> {
  registry: TopicRegistry<Actor>
  hub: TopicHub
  toRefusal: ToRefusal
  onError: ChannelHost<Actor>['onError']
  counters: Counters
  maxChannels: number
  maxInFlight: number
  /** Whether the actor may use an event or topic that names this scope; absent means always. */
  allowScope?: (actor: Actor, scope: string) => boolean
  /** Rate limit: null lets the event through, a refusal is its reply. Join's event is `phx_join`. */
  admit?: (connection: ChannelConnection<Actor>, topic: string, event: string) => Refusal | null
}

/** Frames in, by the Phoenix protocol: joins, leaves, heartbeats and pushes of every connection. */
export class Dispatcher<Actor> implements ChannelHost<Actor> {
  readonly #options: DispatcherOptions<Actor>

  constructor(options: DispatcherOptions<Actor>) {
    this.#options = options
  }

  get onError(): ChannelHost<Actor>['onError'] {
    return this.#options.onError
  }

  receive(connection: ChannelConnection<Actor>, text: string): void {
    const parsed = parseFrame(connection.version, text)
    if (parsed.kind === 'malformed') {
      this.#options.counters.badFrames++
      connection.close(CLOSE.badFrame, parsed.why)
      return
    }
    const { frame } = parsed
    this.#options.counters.framesReceived++
    if (frame.topic === 'phoenix') this.#control(connection, frame)
    else if (frame.event === 'phx_join') this.#join(connection, frame)
    else this.#toChannel(connection, frame)
  }

  #toChannel(connection: ChannelConnection<Actor>, frame: Frame): void {
    const channel = connection.channels.get(frame.topic)
    const stale = channel && frame.joinRef !== NULL_REF && frame.joinRef !== channel.joinRef
    if (stale) return
    if (!channel) this.#unjoined(connection, frame)
    else if (frame.event === 'phx_leave') this.#leave(channel, frame)
    else if (channel.status === 'joined') this.#push(connection, channel, frame)
    else if (channel.status === 'leaving') this.#unjoined(connection, frame)
    else {
      channel.wait(frame)
      this.#begin(connection)
    }
  }

  channelEnded(channel: LiveChannel<Actor>): void {
    const { connection, topic } = channel
    if (connection.channels.get(topic) === channel) connection.channels.delete(topic)
    this.#options.hub.remove(channel)
    for (const _ of channel.takeWaiting()) this.#finish(connection)
  }

  #control(connection: ChannelConnection<Actor>, frame: Frame): void {
    if (frame.event === 'heartbeat') reply(connection, NULL_REF, frame, 'ok', {})
    else this.#unjoined(connection, frame)
  }

  /** A leave of what is not joined succeeds; anything else is told so. */
  #unjoined(connection: ChannelConnection<Actor>, frame: Frame): void {
    if (frame.event === 'phx_leave') reply(connection, frame.joinRef, frame, 'ok', {})
    else reply(connection, NULL_REF, frame, 'error', UNMATCHED_TOPIC)
  }

  #join(connection: ChannelConnection<Actor>, frame: Frame): void {
    const { registry, maxChannels } = this.#options
    const old = connection.channels.get(frame.topic)
    if (old?.status === 'leaving') this.#left(old)
    const supersedes = old?.end() ? [...old.supersedes, old.joinRef] : []

    const matched = registry.match(frame.topic)
    if (!matched) {
      this.#unjoined(connection, frame)
      return
    }
    const refused =
      connection.channels.size >= maxChannels
        ? TOO_MANY_CHANNELS
        : this.#refused(connection, frame, matched.definition.scope)
    if (refused) {
      reply(connection, frame.joinRef, frame, 'error', refused)
      for (const joinRef of supersedes) transmitClose(connection, frame.topic, joinRef)
      return
    }
    const channel = new LiveChannel<Actor>({
      host: this,
      connection,
      topic: frame.topic,
      joinRef: frame.joinRef,
      definition: matched.definition,
      state: matched.definition.assigns(matched.params),
    })
    channel.supersedes = supersedes
    connection.channels.set(frame.topic, channel)
    this.#begin(connection)
    this.#runJoin(channel, frame, matched.params)
      .catch((error: unknown) => this.#crash(channel, error, 'phx_join'))
      .finally(() => this.#finish(connection))
  }

  async #runJoin(channel: LiveChannel<Actor>, frame: Frame, params: unknown): Promise<void> {
    const { connection, definition } = channel
    try {
      const { response, afterReply } = await definition.join(channel, params, frame.payload)
      channel.joinSettled()
      if (channel.isEnded) return
      channel.status = 'joined'
      this.#options.hub.add(channel)
      reply(connection, channel.joinRef, frame, 'ok', response)
      this.#closeSuperseded(channel)
      afterReply?.()
    } catch (error) {
      if (channel.isJoined) throw error
      channel.joinSettled()
      this.#refuseJoin(channel, frame, error)
    }
    for (const waiting of channel.takeWaiting()) {
      if (channel.isJoined) this.#push(connection, channel, waiting)
      this.#finish(connection)
    }
  }

  #refuseJoin(channel: LiveChannel<Actor>, frame: Frame, error: unknown): void {
    const refused = refusalOf(error, this.#options.toRefusal)
    if (!refused) channel.report(error, 'phx_join')
    if (channel.isEnded) return
    reply(channel.connection, channel.joinRef, frame, 'error', refused ?? CRASHED_JOIN)
    this.#closeSuperseded(channel)
    for (const waiting of channel.takeWaiting()) {
      reply(channel.connection, NULL_REF, waiting, 'error', UNMATCHED_TOPIC)
    }
    channel.end()
  }

  #closeSuperseded(channel: LiveChannel<Actor>): void {
    for (const joinRef of channel.takeSuperseded()) {
      transmitClose(channel.connection, channel.topic, joinRef)
    }
  }

  /** A join not answered yet is cancelled; pushes handed to handlers are answered first. */
  #leave(channel: LiveChannel<Actor>, frame: Frame): void {
    if (channel.status === 'leaving') return
    channel.leaveRef = frame.ref
    if (channel.status === 'joining' || channel.inFlight === 0) this.#left(channel)
    else {
      channel.status = 'leaving'
      this.#options.hub.remove(channel)
    }
  }

  #left(channel: LiveChannel<Actor>): void {
    if (channel.leaveRef === null || !channel.end()) return
    const { connection, joinRef, topic, leaveRef } = channel
    connection.transmit(joinRef, leaveRef, topic, 'phx_reply', replyJson('ok', {}))
    this.#closeSuperseded(channel)
    transmitClose(connection, topic, joinRef)
  }

  #push(connection: ChannelConnection<Actor>, channel: LiveChannel<Actor>, frame: Frame): void {
    const definition = eventOf(channel.definition, frame.event)
    const refused = definition
      ? this.#refused(connection, frame, definition.scope)
      : refusal('not_found', `There is no event ${frame.event} on this topic.`)
    if (refused || !definition) {
      reply(connection, channel.joinRef, frame, 'error', refused ?? UNMATCHED_TOPIC)
      return
    }
    channel.inFlight++
    this.#begin(connection)
    this.#runPush(channel, frame, definition)
      .catch((error: unknown) => this.#crash(channel, error, frame.event))
      .finally(() => {
        channel.inFlight--
        if (channel.status === 'leaving' && channel.inFlight === 0) this.#left(channel)
        this.#finish(connection)
      })
  }

  /** Reaches the handler before its first `await`: pushes of a topic start in the order they came. */
  async #runPush(
    channel: LiveChannel<Actor>,
    frame: Frame,
    definition: EventDefinition<Actor, unknown, unknown>,
  ): Promise<void> {
    try {
      const payload = definition.schema ? definition.schema.parse(frame.payload) : frame.payload
      const response = await definition.handle(channel, payload)
      if (!channel.isEnded) reply(channel.connection, channel.joinRef, frame, 'ok', response)
    } catch (error) {
      const refused = refusalOf(error, this.#options.toRefusal)
      if (!refused) throw error
      if (!channel.isEnded) reply(channel.connection, channel.joinRef, frame, 'error', refused)
    }
  }

  #refused(connection: ChannelConnection<Actor>, frame: Frame, scope: string | undefined): Refusal | null {
    const { allowScope, admit } = this.#options
    if (scope !== undefined && allowScope && !allowScope(connection.actor, scope)) {
      return refusal('forbidden', `This needs the scope ${scope}.`)
    }
    return admit?.(connection, frame.topic, frame.event) ?? null
  }

  #crash(channel: LiveChannel<Actor>, error: unknown, event: string): void {
    this.#options.counters.channelCrashes++
    channel.report(error, event)
    channel.fail('channel_crash')
  }

  #begin(connection: ChannelConnection<Actor>): void {
    if (++connection.inFlight === this.#options.maxInFlight) connection.pause()
  }

  #finish(connection: ChannelConnection<Actor>): void {
    if (--connection.inFlight === this.#options.maxInFlight >> 1) connection.resume()
  }
}

function eventOf<Actor>(
  definition: TopicDefinition<Actor, unknown, unknown>,
  event: string,
): EventDefinition<Actor, unknown, unknown> | undefined {
  return Object.hasOwn(definition.events, event) ? definition.events[event] : undefined
}

function reply<Actor>(
  connection: ChannelConnection<Actor>,
  joinRef: RefText,
  frame: Frame,
  status: 'ok' | 'error',
  response: object,
): void {
  connection.transmit(joinRef, frame.ref, frame.topic, 'phx_reply', replyJson(status, response))
}

function transmitClose<Actor>(connection: ChannelConnection<Actor>, topic: string, joinRef: RefText): void {
  connection.transmit(joinRef, joinRef, topic, 'phx_close', '{}')
}
