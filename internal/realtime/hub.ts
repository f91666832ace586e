import { encodeFrame, NULL_REF, type SerializerVersion, textFrame } from './codec.ts'
import type { Connection, ResyncMark } from './topic.ts'

/** A channel as the hub sees it. */
export interface Subscriber extends ResyncMark {
  readonly topic: string
  readonly isJoined: boolean
  readonly connection: Connection<unknown>
  /** The hub's own: its index among the topic's members. */
  hubIndex: number
}

export interface BroadcastOptions {
  /** The socket that caused it and has its reply. */
  exceptConnectionId?: string
  /** Further sockets, by connection, that have it already. */
  except?: ReadonlySet<string>
  /** May be dropped for a socket that reads slowly: what the next one of its kind makes up for. */
  droppable?: boolean
}

interface Topic {
  /** In no order: whoever leaves gives its place to the last. */
  members: Subscriber[]
  /** A copy of the members, shared by the fan-outs begun while they do not change. */
  snapshot: readonly Subscriber[] | null
  /** Fan-outs in progress or waiting for the one in progress, oldest first; null when there are none. */
  fanOuts: FanOut[] | null
}

interface FanOut {
  frames: Frames
  to: readonly Subscriber[]
  next: number
  options: BroadcastOptions
}

/** Fan-outs over this many sockets let other work in between slices. */
const SLICE = 1000

/** The topics joined on this node, and the way to everybody on one. */
export class TopicHub {
  readonly #topics = new Map<string, Topic>()
  readonly #sliced = new Set<Topic>()
  #running = false

  add(subscriber: Subscriber): void {
    let topic = this.#topics.get(subscriber.topic)
    if (!topic) {
      topic = { members: [], snapshot: null, fanOuts: null }
      this.#topics.set(subscriber.topic, topic)
    }
    if (topic.members[subscriber.hubIndex] === subscriber) return
    subscriber.hubIndex = topic.members.push(subscriber) - 1
    topic.snapshot = null
  }

  remove(subscriber: Subscriber): void {
    const topic = this.#topics.get(subscriber.topic)
    const index = subscriber.hubIndex
    if (topic?.members[index] !== subscriber) return
    const last = topic.members.pop()
    if (last && last !== subscriber) {
      topic.members[index] = last
      last.hubIndex = index
    }
    topic.snapshot = null
    if (topic.members.length === 0) this.#topics.delete(subscriber.topic)
  }

  /** Sockets of this node on the topic. */
  size(topic: string): number {
    return this.#topics.get(topic)?.members.length ?? 0
  }

  /** The channels of this node on the topic. */
  members(topic: string): Iterable<Subscriber> {
    return this.#topics.get(topic)?.members ?? []
  }

  /**
   * Queues `[null,null,topic,event,payload]` on every socket of this node whose join has been answered.
   * Broadcasts of one topic reach every socket in the order of these calls.
   */
  broadcast(name: string, event: string, payloadJson: string, options: BroadcastOptions = {}): void {
    const topic = this.#topics.get(name)
    if (!topic) return
    const frames = new Frames(name, event, payloadJson)
    // Nobody leaves while one slice is delivered: what it closes ends later.
    if (topic.fanOuts === null && topic.members.length <= SLICE) {
      deliverSlice({ frames, to: topic.members, next: 0, options })
      return
    }
    topic.snapshot ??= [...topic.members]
    this.#slice(topic, { frames, to: topic.snapshot, next: 0, options })
  }

  /** The same frame for chosen sockets, those of them that have joined the topic (a user's own stream). */
  toConnections(
    connections: Iterable<Connection<unknown>>,
    topic: string,
    event: string,
    payloadJson: string,
    options: BroadcastOptions = {},
  ): void {
    const frames = new Frames(topic, event, payloadJson)
    for (const connection of connections) {
      if (connection.id === options.exceptConnectionId) continue
      const mark = connection.resyncMark(topic)
      if (mark) connection.deliver(frames.for(connection.version), mark, options.droppable ?? false)
    }
  }

  #slice(topic: Topic, fanOut: FanOut): void {
    topic.fanOuts ??= []
    topic.fanOuts.push(fanOut)
    this.#sliced.add(topic)
    if (!this.#running) {
      this.#running = true
      this.#runSlices()
    }
  }

  /** One slice of every topic in turn, so that a hot room delays others by no more than a slice. */
  #runSlices(): void {
    for (const topic of this.#sliced) {
      const fanOut = topic.fanOuts?.[0]
      if (fanOut) deliverSlice(fanOut)
      if (fanOut && fanOut.next >= fanOut.to.length) topic.fanOuts?.shift()
      if (topic.fanOuts?.length) continue
      topic.fanOuts = null
      this.#sliced.delete(topic)
    }
    this.#running = this.#sliced.size > 0
    if (this.#running) setImmediate(() => this.#runSlices())
  }
}

function deliverSlice(fanOut: FanOut): void {
  const { frames, to, options } = fanOut
  const end = Math.min(fanOut.next + SLICE, to.length)
  const droppable = options.droppable ?? false
  for (let index = fanOut.next; index < end; index++) {
    const subscriber = to[index]
    if (!subscriber?.isJoined) continue
    const { connection } = subscriber
    if (connection.id === options.exceptConnectionId || options.except?.has(connection.id)) continue
    connection.deliver(frames.for(connection.version), subscriber, droppable)
  }
  fanOut.next = end
}

/** A broadcast, framed at most once for each serialiser. */
class Frames {
  readonly #topic: string
  readonly #event: string
  readonly #payloadJson: string
  #v1: Buffer | null = null
  #v2: Buffer | null = null

  constructor(topic: string, event: string, payloadJson: string) {
    this.#topic = topic
    this.#event = event
    this.#payloadJson = payloadJson
  }

  for(version: SerializerVersion): Buffer {
    if (version === 2) {
      this.#v2 ??= this.#encode(2)
      return this.#v2
    }
    this.#v1 ??= this.#encode(1)
    return this.#v1
  }

  #encode(version: SerializerVersion): Buffer {
    return textFrame(encodeFrame(version, NULL_REF, NULL_REF, this.#topic, this.#event, this.#payloadJson))
  }
}
