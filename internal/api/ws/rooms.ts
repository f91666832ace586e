import type { ConversationId, Seq } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { OrderedStream } from '../../realtime/ordered-stream.ts'
import type { Connection } from '../../realtime/topic.ts'
import type { MessageEntry } from './live-entry.ts'

/** Entries delivered while a join is being answered: those above its seq follow the reply. */
export interface JoinBuffer {
  entries: MessageEntry[]
}

/** What this node's sockets have to do with one conversation. */
export interface Room {
  /** Sockets on their user's inbox whose user is a member. */
  inboxes: Set<Connection<Actor>>
  joining: Set<JoinBuffer>
  /** Sockets that joined, or are joining, the conversation's own topic. */
  joined: number
  /** Connection → last seq of its join's reply, where that is ahead of what was delivered here. */
  ahead: Map<string, Seq>
  /** Entries that came before the conversation's place was known. */
  early: MessageEntry[]
}

const EARLY_MAX = 1000

/** The conversations that somebody on this node follows; each has an ordered stream while it is one. */
export class Rooms {
  readonly #rooms = new Map<ConversationId, Room>()
  readonly #stream: OrderedStream<MessageEntry>

  constructor(stream: OrderedStream<MessageEntry>) {
    this.#stream = stream
  }

  get(id: ConversationId): Room | undefined {
    return this.#rooms.get(id)
  }

  ids(): ConversationId[] {
    return [...this.#rooms.keys()]
  }

  enter(id: ConversationId): Room {
    let room = this.#rooms.get(id)
    if (!room) {
      room = { inboxes: new Set(), joining: new Set(), joined: 0, ahead: new Map(), early: [] }
      this.#rooms.set(id, room)
    }
    return room
  }

  /** To be called after every removal from a room. */
  leave(id: ConversationId, room: Room): void {
    if (room.inboxes.size > 0 || room.joining.size > 0 || room.joined > 0) return
    this.#rooms.delete(id)
    this.#stream.close(id)
  }

  accept(entry: MessageEntry): void {
    const { conversationId, seq } = entry
    const room = this.#rooms.get(conversationId)
    if (this.#stream.has(conversationId)) this.#stream.accept(conversationId, seq, entry)
    // What does not fit is healed from the log when a later one comes, or by the audit.
    else if (room && room.early.length < EARLY_MAX) room.early.push(entry)
  }

  /** The conversation's last seq is known: what comes above it is delivered from now on. */
  open(id: ConversationId, head: Seq): void {
    const room = this.#rooms.get(id)
    if (!room || this.#stream.has(id)) return
    this.#stream.open(id, head)
    for (const entry of room.early.splice(0)) this.#stream.accept(id, entry.seq, entry)
  }
}
