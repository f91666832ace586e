import type { Frame, RefText } from './codec.ts'
import type { Channel, Connection, ResyncMark, TopicDefinition } from './topic.ts'

/** A connection as its channels and the dispatcher use it. */
export interface ChannelConnection<Actor> extends Connection<Actor> {
  readonly channels: Map<string, LiveChannel<Actor>>
  /** Joins and pushes whose handlers have not answered. */
  inFlight: number
  /** Stops reading until `resume`; what was read already is still handled. */
  pause(): void
  resume(): void
}

/** What a channel needs of the server it lives in. */
export interface ChannelHost<Actor> {
  /** Called once, when the channel ends; takes it off its connection and its topic. */
  channelEnded(channel: LiveChannel<Actor>): void
  /** Something threw that nobody expected. */
  onError(error: unknown, context: { topic: string; event: string; connectionId: string }): void
}

interface ChannelSeed<Actor> {
  host: ChannelHost<Actor>
  connection: ChannelConnection<Actor>
  topic: string
  joinRef: RefText
  definition: TopicDefinition<Actor, unknown, unknown>
  state: unknown
}

const NONE: readonly never[] = []

type Status = 'joining' | 'joined' | 'leaving' | 'ended'

/** The server's side of one join: its place in the life cycle, and what waits for it. */
export class LiveChannel<Actor> implements Channel<Actor, unknown>, ResyncMark {
  readonly connection: ChannelConnection<Actor>
  readonly topic: string
  readonly joinRef: RefText
  readonly definition: TopicDefinition<Actor, unknown, unknown>
  readonly state: unknown
  needsResync = false
  hubIndex = -1
  missedDroppable = false
  status: Status = 'joining'
  /** Pushes handed to handlers and not answered yet. */
  inFlight = 0
  /** Pushes that came before the join's reply. */
  #waiting: Frame[] | null = null
  /** joinRefs of the channels this one replaced, to be closed on the wire after its reply. */
  supersedes: readonly RefText[] = NONE
  /** The leave that waits for pushes in flight to be answered. */
  leaveRef: RefText | null = null
  readonly #host: ChannelHost<Actor>
  #joinSettled = false

  constructor(seed: ChannelSeed<Actor>) {
    this.#host = seed.host
    this.connection = seed.connection
    this.topic = seed.topic
    this.joinRef = seed.joinRef
    this.definition = seed.definition
    this.state = seed.state
  }

  get isJoined(): boolean {
    return this.status === 'joined'
  }

  get isEnded(): boolean {
    return this.status === 'ended'
  }

  /** Keeps a push until the join is answered. */
  wait(frame: Frame): void {
    this.#waiting ??= []
    this.#waiting.push(frame)
  }

  /** The pushes kept, once. */
  takeWaiting(): readonly Frame[] {
    const waiting = this.#waiting ?? NONE
    this.#waiting = null
    return waiting
  }

  /** The joinRefs to be closed, once. */
  takeSuperseded(): readonly RefText[] {
    const { supersedes } = this
    this.supersedes = NONE
    return supersedes
  }

  push(event: string, payload: object): boolean {
    return this.isJoined && this.pushJson(event, JSON.stringify(payload))
  }

  pushJson(event: string, payloadJson: string): boolean {
    if (!this.isJoined) return false
    this.connection.transmit(this.joinRef, 'null', this.topic, event, payloadJson)
    return true
  }

  close(): void {
    if (!this.end()) return
    this.transmitClose(this.joinRef)
  }

  fail(reason: string): void {
    if (!this.end()) return
    const payload = JSON.stringify({ reason })
    this.connection.transmit(this.joinRef, this.joinRef, this.topic, 'phx_error', payload)
  }

  transmitClose(joinRef: RefText): void {
    this.connection.transmit(joinRef, joinRef, this.topic, 'phx_close', '{}')
  }

  /** Tells the topic that the socket reads again, when something was left out. */
  relieve(): void {
    if (!this.missedDroppable) return
    this.missedDroppable = false
    try {
      this.definition.relieved?.(this)
    } catch (error) {
      this.report(error, 'relieved')
    }
  }

  /** Ends it without a word; false when it had ended. */
  end(): boolean {
    if (this.status === 'ended') return false
    this.status = 'ended'
    this.#host.channelEnded(this)
    if (this.#joinSettled) this.#runLeave()
    return true
  }

  /** The join handler has answered or thrown, so that what it did can be undone from now on. */
  joinSettled(): void {
    this.#joinSettled = true
    if (this.status === 'ended') this.#runLeave()
  }

  report(error: unknown, event: string): void {
    this.#host.onError(error, { topic: this.topic, event, connectionId: this.connection.id })
  }

  #runLeave(): void {
    if (!this.definition.leave) return
    try {
      const left = this.definition.leave(this)
      left?.catch((error: unknown) => this.report(error, 'phx_leave'))
    } catch (error) {
      this.report(error, 'phx_leave')
    }
  }
}
