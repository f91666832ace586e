import type { CloseCode } from './close-codes.ts'
import type { JsonObject, RefText, SerializerVersion } from './codec.ts'

/** One socket. `actor` is whatever `authenticate` answered at its upgrade. */
export interface Connection<Actor> {
  /** Unique over all nodes. */
  readonly id: string
  readonly actor: Actor
  readonly version: SerializerVersion
  readonly isOpen: boolean
  /** Whether this socket's join of `topic` has been answered and it has not left. */
  hasJoined(topic: string): boolean
  /** The joined channel's mark; null when it has not joined. */
  resyncMark(topic: string): ResyncMark | null
  /** Queues one frame; written with the others of this tick. */
  transmit(joinRef: RefText, ref: RefText, topic: string, event: string, payloadJson: string): void
  /** Queues bytes framed once for many sockets; false when back-pressure dropped them and set the mark. */
  deliver(frame: Buffer, mark: ResyncMark, droppable: boolean): boolean
  close(code: CloseCode, reason?: string): void
}

/** What back-pressure has kept from the channel's client. */
export interface ResyncMark {
  /** Something that it must fetch again, by joining anew. */
  needsResync: boolean
  /** Something that could be dropped: `relieved` makes up for it. */
  missedDroppable: boolean
}

/** A socket on a topic, from its join to its end. `State` is what the topic keeps for it. */
export interface Channel<Actor, State> {
  readonly connection: Connection<Actor>
  readonly topic: string
  /** JSON text. */
  readonly joinRef: RefText
  readonly state: State
  /** True from the join's reply until the channel ends or is left. */
  readonly isJoined: boolean
  /** True once it has ended, for whatever reason; it never comes back. */
  readonly isEnded: boolean
  /** A frame for this socket alone, carrying its joinRef; false, and nothing sent, unless joined. */
  push(event: string, payload: object): boolean
  /** As `push`, with the payload as JSON. */
  pushJson(event: string, payloadJson: string): boolean
  /** Ends it with `phx_close`: published clients do not rejoin. */
  close(): void
  /** Ends it with `phx_error`: published clients rejoin. */
  fail(reason: string): void
}

export interface JoinReply {
  response: object
  /** Runs synchronously when the reply is queued: what it pushes or broadcasts follows the reply directly. */
  afterReply?: () => void
}

/** Anything with a zod-like `parse` that throws what `toRefusal` knows. */
export interface Schema<Payload> {
  parse(payload: unknown): Payload
}

export interface EventDefinition<Actor, State, Payload = JsonObject> {
  schema?: Schema<Payload>
  /** Checked by the injected `allowScope` before the payload is looked at. */
  scope?: string
  /**
   * Called in the order the pushes came, without waiting for earlier ones to be answered; so whatever
   * must keep that order is done before the first `await`. What it answers is the reply's response.
   */
  handle(channel: Channel<Actor, State>, payload: Payload): Promise<object> | object
}

/** What documents say of a topic; nothing of it is looked at when frames come or go. */
export interface TopicDocument {
  summary: string
  /** The topic's name with its parts in braces, for example `room:{name}`. */
  address: string
  /** What the parts are, by name. */
  parameters?: Record<string, string>
  join: { payload: Schema<unknown>; reply: Schema<unknown> }
  /** Of every key of `events`. */
  pushes: Record<string, { summary: string; reply: Schema<unknown> }>
  /** Every event that the server sends, with its payload. */
  sends: Record<string, { summary: string; payload: Schema<unknown> }>
}

/** How a feature plugs into the socket. */
export interface TopicDefinition<Actor, Params, State> {
  /** For metrics and documents, for example `room`. */
  name: string
  /** The topic's parts, or null when it is another's. */
  match(topic: string): Params | null
  /** The state a channel starts with. */
  assigns(params: Params): State
  /** Scope that a join needs. */
  scope?: string
  /** Accepts by answering, refuses by throwing. No frame of the topic is sent before it is answered. */
  join(channel: Channel<Actor, State>, params: Params, payload: JsonObject): Promise<JoinReply>
  events: Record<string, EventDefinition<Actor, State, unknown>>
  /** The socket reads again after droppable broadcasts were kept from the channel: say how things are now. */
  relieved?(channel: Channel<Actor, State>): void
  document?: TopicDocument
  /**
   * Undoes what `join` did: called exactly once for every channel whose `join` was called, after it has
   * settled, whether it was accepted, refused, cancelled, left, replaced, crashed or lost with its socket.
   */
  leave?(channel: Channel<Actor, State>): Promise<void> | void
}

/** Types a handler's payload by its schema (without one: any object) and makes it fit into `events`. */
export function event<Actor, State, Payload = JsonObject>(
  definition: EventDefinition<Actor, State, Payload>,
): EventDefinition<Actor, State, unknown> {
  return definition
}
