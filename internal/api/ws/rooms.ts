import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Channel, OrderedStream } from '../../realtime/index.ts'
import type { Inbox } from './inboxes.ts'
import { placeOf, type RowEntry } from './live-entry.ts'
import { RowBuffer } from './row-buffer.ts'

/** A socket on a conversation's own topic, from the beginning of its join. */
export interface Attendee {
  readonly id: ConversationId
  readonly channel: Channel<Actor, unknown>
  /** The lowest seq its user may see. */
  firstVisible: Seq
  /** Rows up to this place were in its join's reply. */
  from: number
  /** While its join is being answered. */
  joining: Joining | null
}

export interface Joining {
  /** What is delivered meanwhile: the part above the reply follows it. */
  rows: RowBuffer
  /** The members' version at which its user was seen not to be one; 0 when never. */
  removedAt: number
  /** The conversation was changed after it may have been read for the reply. */
  isOutdated: boolean
}

/** What this node's sockets have to do with one conversation. */
export interface Room {
  /** Inboxes whose user is a member, each with the place above which it is told. */
  inboxes: Map<Inbox, number>
  attendees: Map<UserId, Set<Attendee>>
  /** What is delivered goes into these, too. */
  buffers: Set<RowBuffer>
  /** Attendees that are not told everything. */
  limited: Set<Attendee>
  /** The last row delivered; null until the conversation's place is known. */
  at: { seq: Seq; rev: Rev } | null
  /** Version of the members as of which everybody here is one; null until known. */
  memberVersion: number | null
  /** The newest version heard of. */
  wantedVersion: number
  /** Somebody here may not be a member: nothing is delivered until that was looked up. */
  isInDoubt: boolean
  /** How often that came up. */
  doubts: number
  isReloading: boolean
  /** Version of the last change of members that was told. */
  toldVersion: number
  /** Rows that came before the conversation's place was known. */
  early: RowBuffer
  /** Connections that sent rows which wait, in case the log brings those: it does not know by whom. */
  origins: Map<number, string>
  /** Pointers as last told. */
  receipts: Map<UserId, { deliveredSeq: Seq; readSeq: Seq }>
}

const ORIGINS_MAX = 1000

/** The conversations that somebody on this node follows; each has an ordered stream while it is one. */
export class Rooms {
  readonly #rooms = new Map<ConversationId, Room>()
  readonly #stream: OrderedStream<RowEntry>

  constructor(stream: OrderedStream<RowEntry>) {
    this.#stream = stream
  }

  get(id: ConversationId): Room | undefined {
    return this.#rooms.get(id)
  }

  ids(): ConversationId[] {
    return [...this.#rooms.keys()]
  }

  enter(id: ConversationId): Room {
    const room = this.#rooms.get(id) ?? newRoom()
    this.#rooms.set(id, room)
    return room
  }

  /** To be called after every removal from a room. */
  leave(id: ConversationId, room: Room): void {
    if (room.inboxes.size > 0 || room.attendees.size > 0 || room.buffers.size > 0) return
    if (this.#rooms.get(id) !== room) return
    this.#rooms.delete(id)
    this.#stream.close(id)
  }

  attend(channel: Channel<Actor, unknown>, id: ConversationId): Attendee {
    const joining = { rows: new RowBuffer(), removedAt: 0, isOutdated: false }
    const attendee: Attendee = { id, channel, firstVisible: 1, from: 0, joining }
    const room = this.enter(id)
    const { userId } = channel.connection.actor
    const ofUser = room.attendees.get(userId) ?? new Set()
    room.attendees.set(userId, ofUser.add(attendee))
    room.buffers.add(joining.rows)
    return attendee
  }

  /** From here on nothing of the conversation is missed: it is kept until `drop`. */
  collect(id: ConversationId): RowBuffer {
    const buffer = new RowBuffer()
    this.enter(id).buffers.add(buffer)
    return buffer
  }

  drop(id: ConversationId, buffer: RowBuffer): void {
    const room = this.#rooms.get(id)
    if (room?.buffers.delete(buffer)) this.leave(id, room)
  }

  unattend(attendee: Attendee): void {
    const { id, channel } = attendee
    const { userId } = channel.connection.actor
    const room = this.#rooms.get(id)
    const ofUser = room?.attendees.get(userId)
    if (!room || !ofUser?.delete(attendee)) return
    if (ofUser.size === 0) room.attendees.delete(userId)
    if (attendee.joining) room.buffers.delete(attendee.joining.rows)
    room.limited.delete(attendee)
    this.leave(id, room)
  }

  /** What the attendee is not told: rows of messages it may not see, rows that it has. */
  limit(attendee: Attendee, limits: { firstVisible?: Seq; from?: number }): void {
    Object.assign(attendee, limits)
    const room = this.#rooms.get(attendee.id)
    if (attendee.firstVisible > 1 || attendee.from > (this.#stream.headOf(attendee.id) ?? 0)) {
      room?.limited.add(attendee)
    } else room?.limited.delete(attendee)
  }

  /** Connections on the topic that are not told this row. */
  except(room: Room, row: RowEntry): ReadonlySet<string> | null {
    if (room.limited.size === 0) return null
    const place = placeOf(row)
    const except = new Set<string>()
    for (const attendee of room.limited) {
      if (place <= attendee.from || row.messageSeq < attendee.firstVisible) {
        except.add(attendee.channel.connection.id)
      }
      if (place >= attendee.from && attendee.firstVisible <= 1) room.limited.delete(attendee)
    }
    return except
  }

  accept(row: RowEntry): void {
    const { conversationId, origin } = row
    const room = this.#rooms.get(conversationId)
    if (!room) return
    const place = placeOf(row)
    if (this.#stream.has(conversationId)) this.#stream.accept(conversationId, place, row)
    else room.early.push(row)
    const isWaiting = place > (this.#stream.headOf(conversationId) ?? 0)
    if (isWaiting && origin !== null && room.origins.size < ORIGINS_MAX) room.origins.set(place, origin)
  }

  /** The conversation's last row is known: what comes above it is delivered from now on. */
  open(id: ConversationId, at: { seq: Seq; rev: Rev }): void {
    const room = this.#rooms.get(id)
    if (!room || this.#stream.has(id)) return
    room.at = { seq: at.seq, rev: at.rev }
    this.#stream.open(id, placeOf(at))
    const { isFull } = room.early
    for (const row of room.early.take()) this.#stream.accept(id, placeOf(row), row)
    if (isFull) this.#stream.gap(id)
  }
}

function newRoom(): Room {
  return {
    inboxes: new Map(),
    attendees: new Map(),
    buffers: new Set(),
    limited: new Set(),
    at: null,
    memberVersion: null,
    wantedVersion: 0,
    isInDoubt: false,
    doubts: 0,
    isReloading: false,
    toldVersion: 0,
    early: new RowBuffer(),
    origins: new Map(),
    receipts: new Map(),
  }
}

/** Everybody here, by whatever socket. */
export function usersIn(room: Room): Set<UserId> {
  const users = new Set(room.attendees.keys())
  for (const inbox of room.inboxes.keys()) users.add(inbox.userId)
  return users
}
