import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { OrderedStream, TopicHub } from '../../realtime/index.ts'
import type { RemovalReason } from '../../service/live/ports.ts'
import type { Inbox, Inboxes } from './inboxes.ts'
import { type MembersEntry, placeOf, type RowEntry } from './live-entry.ts'
import { inboxFrameOf } from './live-row.ts'
import { type LiveDirectory, type LiveViews, pagesOf } from './live-views.ts'
import { MemberChecks } from './member-checks.ts'
import { type Room, type Rooms, usersIn } from './rooms.ts'
import { chatTopic } from './topic-names.ts'

export interface LiveMembersDeps {
  hub: TopicHub
  stream: OrderedStream<RowEntry>
  rooms: Rooms
  inboxes: Inboxes
  views: LiveViews
  directory: LiveDirectory
  onError(error: unknown): void
}

/** A conversation that an inbox follows, as it was read. */
export interface Followed {
  id: ConversationId
  seq: Seq
  rev: Rev
  memberVersion: number
}

type Announced = Pick<Followed, 'id' | 'memberVersion'>

/**
 * Who may hear what is said in a room. The members of a conversation have a version, every row names the one
 * it was written under, and a room that does not know it yet delivers nothing until it has looked up who of
 * those here still is a member. Versions are only used forward: an older one never brings anybody back.
 */
export class LiveMembers {
  readonly #deps: LiveMembersDeps
  readonly #checks: MemberChecks

  constructor(deps: LiveMembersDeps) {
    this.#deps = deps
    const remove = this.#remove.bind(this)
    this.#checks = new MemberChecks({ ...deps, remove, restart })
  }

  /** Whether a row written under this version may be delivered now; else it is once that is known. */
  admits(id: ConversationId, memberVersion: number): boolean {
    const room = this.#deps.rooms.get(id)
    if (!room) return true
    if (memberVersion > (room.memberVersion ?? 0)) this.#checks.want(id, room, memberVersion)
    return !room.isInDoubt
  }

  /** What the store says is the version: the bus may have lost what led to it. */
  observe(id: ConversationId, memberVersion: number): void {
    const room = this.#deps.rooms.get(id)
    if (!room || room.memberVersion === null) return
    if (memberVersion > room.memberVersion) this.#checks.want(id, room, memberVersion)
    if (memberVersion <= room.toldVersion) return
    room.toldVersion = memberVersion
    this.#deps.views.showAll(id)
  }

  /** Somebody came into the room who was seen to be a member at this version. */
  came(id: ConversationId, room: Room, memberVersion: number): void {
    if (room.memberVersion === null) {
      room.memberVersion = memberVersion
      room.toldVersion = memberVersion
      if (room.wantedVersion > memberVersion) this.#checks.want(id, room, room.wantedVersion)
    } else if (memberVersion !== room.memberVersion) this.#checks.want(id, room, memberVersion)
  }

  changed(entry: MembersEntry): void {
    const { conversationId: id, memberVersion, joined, left, updated } = entry
    const room = this.#deps.rooms.get(id)
    // By a later version it was looked up who is there: they may have come back.
    const isLate = memberVersion <= (room?.memberVersion ?? 0)
    if (!isLate) {
      for (const { member, reason } of left) this.#remove(id, member.user.id, reason, memberVersion)
    }
    if (room) {
      const isNews = memberVersion > room.toldVersion
      this.#advance(id, room, memberVersion)
      if (isNews) this.#tell(id, { joined, left: left.map(({ member }) => member), updated })
    }
    this.announce(
      { id, memberVersion },
      joined.map(({ user }) => user.id),
    )
  }

  /** The conversation itself changed, policies for example, and its version with it. */
  updated(id: ConversationId, memberVersion: number): void {
    const room = this.#deps.rooms.get(id)
    if (!room) return
    this.#advance(id, room, memberVersion)
    this.#deps.views.showAll(id)
  }

  /** The conversation is no more. */
  deleted(id: ConversationId, memberVersion: number): void {
    const room = this.#deps.rooms.get(id)
    for (const userId of room ? usersIn(room) : []) this.#remove(id, userId, 'deleted', memberVersion)
  }

  /** Shows the conversation to the inboxes of these users, which follow it from there. */
  announce(conversation: Announced, userIds: Iterable<UserId>): void {
    const inboxes: Inbox[] = []
    for (const userId of userIds) {
      for (const inbox of this.#deps.inboxes.of(userId)) {
        if (inbox.joining) inbox.joining.came.set(conversation.id, conversation.memberVersion)
        else inboxes.push(inbox)
      }
    }
    this.announceTo(conversation, inboxes)
  }

  announceTo(conversation: Announced, inboxes: readonly Inbox[]): void {
    if (inboxes.length > 0) this.#announce(conversation, inboxes).catch(this.#deps.onError)
  }

  follow(inbox: Inbox, { id, seq, rev, memberVersion }: Followed): void {
    if ((inbox.joining?.removed.get(id)?.memberVersion ?? 0) > memberVersion) return
    inbox.joining?.removed.delete(id)
    const room = this.#deps.rooms.enter(id)
    room.inboxes.set(inbox, placeOf({ seq, rev }))
    inbox.rooms.add(id)
    this.came(id, room, memberVersion)
    this.#deps.rooms.open(id, { seq, rev })
  }

  unfollow(inbox: Inbox, id: ConversationId): void {
    inbox.rooms.delete(id)
    const room = this.#deps.rooms.get(id)
    if (room?.inboxes.delete(inbox)) this.#deps.rooms.leave(id, room)
  }

  stop(): void {
    this.#checks.stop()
  }

  async #announce({ id, memberVersion }: Announced, inboxes: readonly Inbox[]): Promise<void> {
    const { rooms, directory } = this.#deps
    const buffer = rooms.collect(id)
    try {
      for (const page of pagesOf(new Set(inboxes.map(({ userId }) => userId)))) {
        const views = await directory.viewsFor(id, page)
        for (const inbox of inboxes) {
          const conversation = views.get(inbox.userId)
          if (!conversation || !inbox.channel.push('conversation:new', { conversation })) continue
          if (inbox.rooms.has(id)) continue
          if (buffer.isFull) inbox.channel.fail('resync')
          else this.#enter(inbox, { ...conversation, memberVersion }, buffer.rows)
        }
      }
    } catch (error) {
      // Else nobody would tell of the conversation: whoever joins anew has it in the reply.
      for (const inbox of inboxes) inbox.channel.fail('resync')
      throw error
    } finally {
      rooms.drop(id, buffer)
    }
  }

  /** The inbox has been shown the conversation at its seq and rev; `rows` were delivered meanwhile. */
  #enter(inbox: Inbox, followed: Followed, rows: readonly RowEntry[]): void {
    this.follow(inbox, followed)
    if (inbox.channel.connection.hasJoined(chatTopic(followed.id))) return
    for (const row of rows) {
      if (placeOf(row) <= placeOf(followed)) continue
      const { event, json } = inboxFrameOf(row)
      inbox.channel.pushJson(event, json)
    }
  }

  #advance(id: ConversationId, room: Room, memberVersion: number): void {
    room.toldVersion = Math.max(room.toldVersion, memberVersion)
    if (room.memberVersion !== null && memberVersion === room.memberVersion + 1) {
      room.memberVersion = memberVersion
    } else if (memberVersion > (room.memberVersion ?? 0)) this.#checks.want(id, room, memberVersion)
  }

  #tell(
    id: ConversationId,
    { joined, left, updated }: Record<'joined' | 'left' | 'updated', readonly object[]>,
  ) {
    const tell = (event: string, members: readonly object[]) => {
      for (const member of members) {
        this.#deps.hub.broadcast(chatTopic(id), event, JSON.stringify({ member }))
      }
    }
    tell('member:left', left)
    tell('member:joined', joined)
    tell('member:updated', updated)
  }

  /** Closes the user's channels of it here, and tells their inboxes. */
  #remove(id: ConversationId, userId: UserId, reason: RemovalReason, memberVersion: number): void {
    const { rooms, inboxes } = this.#deps
    for (const { joining, channel } of [...(rooms.get(id)?.attendees.get(userId) ?? [])]) {
      if (joining) joining.removedAt = Math.max(joining.removedAt, memberVersion)
      else channel.close()
    }
    for (const inbox of inboxes.of(userId)) {
      this.unfollow(inbox, id)
      inbox.joining?.removed.set(id, { memberVersion, reason })
      inbox.channel.push('conversation:removed', { conversationId: id, reason })
    }
  }
}

/** Published clients rejoin, with a cursor that is then answered by what the user may see now. */
function restart(room: Room, userId: UserId): void {
  for (const { joining, channel } of [...(room.attendees.get(userId) ?? [])]) {
    if (!joining) channel.fail('resync')
  }
  for (const inbox of [...room.inboxes.keys()]) if (inbox.userId === userId) inbox.channel.fail('resync')
}
