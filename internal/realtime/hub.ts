import { encodeFrame, NULL_REF, type SerializerVersion, textFrame } from './codec.ts'
import type { Connection, ResyncMark } from './topic.ts'

/** A channel as the hub sees it. */
export interface Subscriber extends ResyncMark {
  readonly topic: string
  readonly isJoined: boolean
  readonly connection: Connection<unknown>
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
  members: Set<Subscriber>
  /** The members as an array, shared by the broadcasts made while they do not change. */
  snapshot: readonly Subscriber[] | null
  /** Fan-outs in progress or waiting for the one in progress, oldest first. */
  fanOuts: FanOut[]
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
      topic = { members: new Set(), snapshot: null, fanOuts: [] }
      this.#topics.set(subscriber.topic, topic)
    }
    topic.members.add(subscriber)
    topic.snapshot = null
  }

  remove(subscriber: Subscriber): void {
    const topic = this.#topics.get(subscriber.topic)
    if (!topic?.members.delete(subscriber)) return
    topic.snapshot = null
    if (topic.members.size === 0) this.#topics.delete(subscriber.topic)
  }

  /** Sockets of this node on the topic. */
  size(topic: string): number {
    return this.#topics.get(topic)?.members.size ?? 0
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
    topic.snapshot ??= [...topic.members]
    const frames = new Frames(name, event, payloadJson)
    const fanOut: FanOut = { frames, to: topic.snapshot, next: 0, options }
    if (topic.fanOuts.length === 0 && topic.snapshot.length <= SLICE) deliverSlice(fanOut)
    else this.#slice(topic, fanOut)
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
      const fanOut = topic.fanOuts[0]
      if (fanOut) deliverSlice(fanOut)
      if (fanOut && fanOut.next >= fanOut.to.length) topic.fanOuts.shift()
      if (topic.fanOuts.length === 0) this.#sliced.delete(topic)
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
