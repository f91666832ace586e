import {
  BatchingBus,
  type BatchingListener,
  type Bus,
  type Channel,
  event,
  OrderedStream,
  RefusalError,
  refusal,
  SHARDS,
  type TopicDefinition,
  TopicHub,
} from '../internal/realtime/index.ts'

export interface Said {
  /** Its place in the room: 1, 2, 3, ... */
  n: number
  by: string
  text: string
}

/** What all nodes share: a bus, and a database that is the truth. */
export interface Shared {
  bus: Bus
  log: {
    /** Stores it and gives it the next n, in one transaction. */
    append(room: string, by: string, text: string): Promise<Said>
    head(room: string): Promise<number>
    after(room: string, n: number): Promise<Said[]>
  }
  /** Who is there, by connection. Leases that their node renews, so that those of a dead one end. */
  present: {
    enter(room: string, id: string, name: string): Promise<void>
    leave(room: string, id: string): Promise<void>
    in(room: string): Promise<{ id: string; name: string }[]>
  }
}

interface Person {
  name: string
}
/** `late` is what is said while the join is being answered. */
type State = { room: string; late: Said[] | null }
type Seat = Channel<Person, State>
type Heard = { said: Said; origin: string | null }
type Entry = { room: string } & ({ heard: Heard } | { joins: object; leaves: object })

/** The same on every node. */
const shardOf = (room: string) =>
  [...Buffer.from(room)].reduce((hash, byte) => (hash * 31 + byte) % SHARDS, 7)
const topicOf = (room: string) => `room:${room}`
/** As the Presence of Phoenix clients has it. */
const metas = (people: { id: string; name: string }[]) =>
  Object.fromEntries(
    [...Map.groupBy(people, ({ name }) => name)].map(([name, each]) => [
      name,
      { metas: each.map(({ id }) => ({ phx_ref: id })) },
    ]),
  )

/** One node's rooms: what is said in them, in the order of the log, and who is there. */
export class Rooms implements BatchingListener {
  readonly hub = new TopicHub()
  readonly bus: BatchingBus
  readonly #shared: Shared
  readonly #onError: (error: unknown) => void
  readonly #stream: OrderedStream<Heard>
  /** By room, from the beginning of each join. */
  readonly #seats = new Map<string, Set<Seat>>()

  constructor(shared: Shared, onError: (error: unknown) => void) {
    this.#shared = shared
    this.#onError = onError
    this.bus = new BatchingBus({ bus: shared.bus, listener: this, onError })
    this.#stream = new OrderedStream({
      deliver: (room, _n, heard) => this.#deliver(room, heard),
      heal: async (room, n) =>
        (await shared.log.after(room, n)).map((said) => ({ n: said.n, entry: { said, origin: null } })),
      onError,
    })
  }

  readonly topic: TopicDefinition<Person, string, State> = {
    name: 'room',
    match: (topic) => (topic.startsWith('room:') ? topic.slice(5) : null),
    assigns: (room) => ({ room, late: [] }),
    join: async (seat, room, { after }) => {
      const { log, present } = this.#shared
      this.#seats.set(room, (this.#seats.get(room) ?? new Set()).add(seat))
      const cursor = Math.min(Number(after) || 0, await log.head(room))
      const said = await log.after(room, cursor)
      const head = said.at(-1)?.n ?? cursor
      this.#stream.open(room, head)
      await present.enter(room, seat.connection.id, seat.connection.actor.name)
      // What was said before the stream was open, if anything was.
      this.#stream.observe(room, await log.head(room))
      return { response: { said }, afterReply: () => this.#joined(seat, head) }
    },
    events: {
      say: event<Person, State>({
        handle: async (seat, { text }) => {
          if (typeof text !== 'string')
            throw new RefusalError(refusal('validation_failed', 'text is a string'))
          const { room } = seat.state
          const said = await this.#shared.log.append(room, seat.connection.actor.name, text)
          this.#publish({ room, heard: { said, origin: seat.connection.id } })
          return { n: said.n }
        },
      }),
    },
    // Diffs were left out: the state takes their place.
    relieved: (seat) => this.#showPresent(seat),
    leave: async (seat) => {
      const { room } = seat.state
      const seats = this.#seats.get(room)
      seats?.delete(seat)
      if (seats?.size === 0) {
        this.#seats.delete(room)
        this.#stream.close(room)
      }
      await this.#shared.present.leave(room, seat.connection.id)
      this.#publish({ room, joins: {}, leaves: this.#self(seat) })
    },
  }

  /** From whichever node, this one included; nothing of what it says is certain but that it may be so. */
  onEntry(_shard: number, text: string): void {
    const entry: Entry = JSON.parse(text)
    if ('heard' in entry) this.#stream.accept(entry.room, entry.heard.said.n, entry.heard)
    else {
      const { room, ...diff } = entry
      this.hub.broadcast(topicOf(room), 'presence_diff', JSON.stringify(diff), { droppable: true })
    }
  }

  /** Something may have been lost: what has numbers is read from the log, what has none is shown as it is. */
  onGap(shard: number): void {
    for (const [room, seats] of this.#seats) {
      if (shardOf(room) !== shard) continue
      this.#stream.gap(room)
      for (const seat of seats) this.#showPresent(seat)
    }
  }

  /** To be called now and then: a lost batch is noticed by the one after it, which may be long in coming. */
  async audit(): Promise<void> {
    for (const room of this.#seats.keys()) this.#stream.observe(room, await this.#shared.log.head(room))
  }

  #joined(seat: Seat, head: number): void {
    for (const said of seat.state.late ?? []) if (said.n > head) seat.push('said', said)
    seat.state.late = null
    this.#showPresent(seat)
    this.#publish({ room: seat.state.room, joins: this.#self(seat), leaves: {} })
  }

  #deliver(room: string, { said, origin }: Heard): void {
    for (const seat of this.#seats.get(room) ?? []) seat.state.late?.push(said)
    // Who said it has the reply.
    const except = origin === null ? {} : { exceptConnectionId: origin }
    this.hub.broadcast(topicOf(room), 'said', JSON.stringify(said), except)
  }

  #showPresent(seat: Seat): void {
    this.#shared.present
      .in(seat.state.room)
      .then((people) => seat.push('presence_state', metas(people)))
      .catch(this.#onError)
  }

  #self({ connection: { id, actor } }: Seat): object {
    return metas([{ id, name: actor.name }])
  }

  #publish(entry: Entry): void {
    this.bus.publish(shardOf(entry.room), JSON.stringify(entry))
  }
}
