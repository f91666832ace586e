import type { ConversationId } from '../../domain/ids.ts'
import { type Numbered, OrderedStream, type TopicHub } from '../../realtime/index.ts'
import type { History } from '../../service/message/history.ts'
import type { RowEntry } from './live-entry.ts'
import { inboxFrameOf, rowOfChange, rowOfMessage } from './live-row.ts'
import { type Room, Rooms } from './rooms.ts'
import { chatTopic, INBOX_TOPIC } from './topic-names.ts'

export interface LiveRowsDeps {
  hub: TopicHub
  history: Pick<History, 'following'>
  /** Whether a row of this version of the members may go out now. */
  admits(id: ConversationId, memberVersion: number): boolean
  /** The log says that this is the members' version. */
  observed(id: ConversationId, memberVersion: number): void
  onError(error: unknown): void
}

/** Messages and changes in the order of the log, each once, to the sockets that follow their conversation. */
export class LiveRows {
  readonly stream: OrderedStream<RowEntry>
  readonly rooms: Rooms
  readonly #deps: LiveRowsDeps

  constructor(deps: LiveRowsDeps) {
    this.#deps = deps
    this.stream = new OrderedStream<RowEntry>({
      admit: (_key, row) => deps.admits(row.conversationId, row.memberVersion),
      deliver: (_key, place, row) => this.#deliver(place, row),
      heal: (key) => this.#missed(key as ConversationId),
      onError: deps.onError,
    })
    this.rooms = new Rooms(this.stream)
  }

  #deliver(place: number, row: RowEntry): void {
    const room = this.rooms.get(row.conversationId)
    if (!room) return
    room.at = { seq: row.seq, rev: row.rev }
    const origin = row.origin ?? room.origins.get(place) ?? null
    if (room.origins.size > 0) room.origins.delete(place)
    const notOrigin = origin === null ? {} : { exceptConnectionId: origin }
    const except = this.rooms.except(room, row)
    const topic = chatTopic(row.conversationId)
    this.#deps.hub.broadcast(topic, row.event, row.json, { ...notOrigin, ...(except ? { except } : {}) })
    for (const buffer of room.buffers) buffer.push(row)
    const elsewhere = inboxesElsewhere(room, topic, place)
    if (elsewhere.length === 0) return
    const { event, json } = inboxFrameOf(row)
    this.#deps.hub.toConnections(elsewhere, INBOX_TOPIC, event, json, notOrigin)
  }

  async #missed(id: ConversationId): Promise<Numbered<RowEntry>[]> {
    const at = this.rooms.get(id)?.at
    if (!at) return []
    const { entries, memberVersion } = await this.#deps.history.following(id, at)
    this.#deps.observed(id, memberVersion)
    return entries.map((found) => {
      if ('change' in found) return { n: found.n, entry: rowOfChange(found.change, memberVersion, null) }
      const { n, message } = found
      // A message read now tells of its latest change; its place is that of its creation.
      return { n, entry: { ...rowOfMessage(message, memberVersion, null), rev: n - message.seq } }
    })
  }
}

/** Sockets of members that have not joined the topic, and were not shown the row when they came. */
function inboxesElsewhere(room: Room, topic: string, place: number) {
  const elsewhere = []
  for (const [{ channel }, from] of room.inboxes) {
    if (place > from && !channel.connection.hasJoined(topic)) elsewhere.push(channel.connection)
  }
  return elsewhere
}
