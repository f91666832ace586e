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
  /** Fan-outs that wait for the round in progress, oldest first; null when there are none. */
  waiting: FanOut[] | null
  round: Round | null
}

interface FanOut {
  frames: Frames
  to: readonly Subscriber[]
  options: BroadcastOptions
  /** When it was asked for (ms). */
  since: number
}

/** Fan-outs to the same sockets, which are served together: a socket's frames go in one write. */
interface Round {
  fanOuts: readonly FanOut[]
  to: readonly Subscriber[]
  next: number
}

/** Fan-outs over this many sockets let other work in between slices. */
const SLICE = 1000
/** Fan-outs in a round at most, and sockets in a slice of it at least: a slice is some 4,000 frames. */
const ROUND_MAX = 32
const SLICE_MIN = 125

/** The topics joined on this node, and the way to everybody on one. */
export class TopicHub {
  readonly #topics = new Map<string, Topic>()
  readonly #sliced = new Set<Topic>()
  readonly #now: () => number
  #running = false

  constructor(now: () => number = performance.now.bind(performance)) {
    this.#now = now
  }

  /** Milliseconds since the oldest broadcast was asked for that has not reached everybody: a measure of overload. */
  get lateMs(): number {
    let oldest = this.#now()
    const now = oldest
    for (const { round, waiting } of this.#sliced) {
      oldest = Math.min(oldest, round?.fanOuts[0]?.since ?? waiting?.[0]?.since ?? now)
    }
    return now - oldest
  }

  add(subscriber: Subscriber): void {
    let topic = this.#topics.get(subscriber.topic)
    if (!topic) {
      topic = { members: [], snapshot: null, waiting: null, round: null }
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

  /**
   * Queues `[null,null,topic,event,payload]` on every socket of this node whose join has been answered.
   * Broadcasts of one topic reach every socket in the order of these calls.
   */
  broadcast(name: string, event: string, payloadJson: string, options: BroadcastOptions = {}): void {
    const topic = this.#topics.get(name)
    if (!topic) return
    const frames = new Frames(name, event, payloadJson)
    // Nobody leaves while one slice is delivered: what it closes ends later.
    if (topic.round === null && topic.waiting === null && topic.members.length <= SLICE) {
      const { members } = topic
      deliverSlice({ fanOuts: [{ frames, to: members, options, since: 0 }], to: members, next: 0 })
      return
    }
    topic.snapshot ??= [...topic.members]
    this.#slice(topic, { frames, to: topic.snapshot, options, since: this.#now() })
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
    topic.waiting ??= []
    topic.waiting.push(fanOut)
    this.#sliced.add(topic)
    if (!this.#running) {
      this.#running = true
      this.#runSlices()
    }
  }

  /** One slice of every topic in turn, so that a hot room delays others by no more than a slice. */
  #runSlices(): void {
    for (const topic of this.#sliced) {
      topic.round ??= takeRound(topic)
      if (topic.round) deliverSlice(topic.round)
      if (topic.round && topic.round.next < topic.round.to.length) continue
      topic.round = null
      if (topic.waiting === null) this.#sliced.delete(topic)
    }
    this.#running = this.#sliced.size > 0
    if (this.#running) setImmediate(() => this.#runSlices())
  }
}

/** What waits for the same sockets: the busier a room, the more of it goes in one write to each. */
function takeRound(topic: Topic): Round | null {
  const waiting = topic.waiting ?? []
  const to = waiting[0]?.to
  if (!to) return null
  let count = 1
  while (count < ROUND_MAX && waiting[count]?.to === to) count++
  const fanOuts = waiting.splice(0, count)
  if (waiting.length === 0) topic.waiting = null
  return { fanOuts, to, next: 0 }
}

function deliverSlice(round: Round): void {
  const { fanOuts, to } = round
  const sockets = Math.max(SLICE_MIN, Math.floor(SLICE / fanOuts.length))
  const end = Math.min(round.next + sockets, to.length)
  for (let index = round.next; index < end; index++) {
    const subscriber = to[index]
    if (!subscriber) continue
    for (const fanOut of fanOuts) if (subscriber.isJoined) deliverTo(subscriber, fanOut)
  }
  round.next = end
}

function deliverTo(subscriber: Subscriber, { frames, options }: FanOut): void {
  const { connection } = subscriber
  if (connection.id === options.exceptConnectionId || options.except?.has(connection.id)) return
  connection.deliver(frames.for(connection.version), subscriber, options.droppable ?? false)
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
