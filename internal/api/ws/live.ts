import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { HiddenMessage } from '../../domain/message.ts'
import type { Actor } from '../../domain/user.ts'
import type { BatchingListener, Channel, OrderedStream, TopicHub } from '../../realtime/index.ts'
import type { LiveStates } from '../../service/live/ports.ts'
import type { History } from '../../service/message/history.ts'
import type { RelayWaker } from '../../service/message/ports.ts'
import { type Inbox, Inboxes } from './inboxes.ts'
import { type ConversationEntry, decodeLiveEntry, type RowEntry, shardOf } from './live-entry.ts'
import { LiveLosses, type Losses } from './live-losses.ts'
import { type Followed, LiveMembers } from './live-members.ts'
import { hiddenEntry, LivePersonal } from './live-personal.ts'
import { LivePresence, type LivePresenceDeps } from './live-presence.ts'
import { tellReceipts } from './live-receipts.ts'
import { LiveRows } from './live-rows.ts'
import { LiveStateHealer } from './live-state-healer.ts'
import { LiveTyping } from './live-typing.ts'
import { type LiveDirectory, LiveViews } from './live-views.ts'
import type { Attendee, Rooms } from './rooms.ts'

export interface LiveDeps {
  hub: TopicHub
  history: Pick<History, 'following'>
  directory: LiveDirectory
  relay: RelayWaker
  states: LiveStates
  presence: Pick<LivePresenceDeps, 'members' | 'blocks' | 'isOnline' | 'now' | 'lookAgainMs'>
  /** Milliseconds after which somebody who says nothing more no longer types. */
  typingMs?: number
  onError(error: unknown): void
}

/** What the bus may have lost, and for whom. */
export interface Doubt extends Losses {
  inboxes: Inbox[]
  userIds: UserId[]
}

/** Where a conversation is, as it was read for one member. */
export interface Standing {
  seq: Seq
  rev: Rev
  memberVersion: number
  firstVisible: Seq
}

/**
 * Live delivery on one node: entries from all nodes come in; messages and changes are put into the order of
 * the log per conversation, healed from it where something is missing, and go out to the sockets that follow
 * the conversation and whose users are members of it.
 */
export class Live implements BatchingListener {
  readonly #deps: LiveDeps
  readonly #stream: OrderedStream<RowEntry>
  readonly #rooms: Rooms
  readonly #inboxes = new Inboxes()
  readonly #views: LiveViews
  readonly #members: LiveMembers
  readonly #personal: LivePersonal
  readonly #typing: LiveTyping
  readonly #presence: LivePresence
  readonly states: LiveStateHealer
  readonly #losses = new LiveLosses()

  constructor(deps: LiveDeps) {
    this.#deps = deps
    const { stream, rooms } = new LiveRows({
      ...deps,
      admits: (id, memberVersion) => this.#members.admits(id, memberVersion),
      observed: (id, memberVersion) => this.#members.observe(id, memberVersion),
    })
    this.#stream = stream
    this.#rooms = rooms
    const shared = { ...deps, stream, rooms, inboxes: this.#inboxes }
    const views = new LiveViews(shared)
    this.#views = views
    this.#members = new LiveMembers({ ...shared, views })
    this.#presence = new LivePresence({ ...deps.presence, hub: deps.hub, rooms, onError: deps.onError })
    this.#typing = new LiveTyping(deps.hub, deps.typingMs)
    this.#personal = new LivePersonal({ ...shared, views })
    this.states = new LiveStateHealer({
      ...shared,
      personal: this.#personal,
      admits: (id, memberVersion) => this.#members.admits(id, memberVersion),
      wasBlocked: (userId) => this.#presence.showAnew(userId),
      users: () => this.#users(),
    })
  }

  onEntry(_shard: number, text: string): void {
    const entry = decodeLiveEntry(text)
    if (!entry) return
    if (entry.kind === 'presence') this.#presence.tell(entry)
    else if (entry.kind === 'blocks') this.#presence.showAnew(entry.userId)
    else if ('userId' in entry) this.#personal.tell(entry)
    else {
      this.#deps.relay.wake(entry.conversationId)
      if (entry.kind === 'row') this.#rooms.accept(entry)
      else this.#happened(entry)
    }
  }

  onGap(shard: number): void {
    this.#losses.gap(shard)
    for (const id of this.#rooms.ids()) if (shardOf(id) === shard) this.#stream.gap(id)
  }

  onInterrupted(): void {
    this.#losses.interrupted()
  }

  onRestored(): void {
    this.#losses.restored()
  }

  /** False while the bus is interrupted and only the log tells what other nodes sent. */
  get isConnected(): boolean {
    return this.#losses.isConnected
  }

  /** Conversations that somebody here follows, for the audit. */
  followed(): ConversationId[] {
    return this.#rooms.ids()
  }

  /** The audit: what the log says are the last numbers. */
  observe(heads: ReadonlyMap<ConversationId, { seq: Seq; rev: Rev; memberVersion: number }>): void {
    for (const [id, { seq, rev, memberVersion }] of heads) {
      this.#members.observe(id, memberVersion)
      this.#stream.observe(id, seq + rev)
    }
  }

  /** Messages and changes that only the log brought. */
  get healed(): number {
    return this.#stream.healed
  }

  stop(): void {
    this.#stream.stop()
    this.#members.stop()
    this.#typing.stop()
    this.#presence.stop()
  }

  /** From here on nothing of the conversation is missed: it is kept until `joined` says where it goes. */
  beginJoin(channel: Channel<Actor, unknown>, id: ConversationId): Attendee {
    return this.#rooms.attend(channel, id)
  }

  /** The join's reply will say this. */
  opened(attendee: Attendee, { seq, rev, memberVersion, firstVisible }: Standing): void {
    const { id } = attendee
    const room = this.#rooms.get(id)
    if (!room) return
    // Seen not to be a member before this was read: they came back meanwhile.
    if (attendee.joining && attendee.joining.removedAt <= memberVersion) attendee.joining.removedAt = 0
    this.#members.came(id, room, memberVersion)
    this.#rooms.open(id, { seq, rev })
    this.#rooms.limit(attendee, { from: seq + rev, firstVisible })
    this.#stream.observe(id, seq + rev)
  }

  /** The reply is out: what came above it meanwhile follows. */
  joined(attendee: Attendee): void {
    const { id, channel, joining } = attendee
    const room = this.#rooms.get(id)
    if (!joining || !room) return
    attendee.joining = null
    room.buffers.delete(joining.rows)
    if (joining.removedAt > 0) channel.close()
    else if (joining.rows.isFull) channel.fail('resync')
    for (const row of joining.rows.take()) {
      const isNew = row.seq + row.rev > attendee.from && row.messageSeq >= attendee.firstVisible
      if (isNew) channel.pushJson(row.event, row.json)
    }
    this.#presence.joined(attendee)
    if (joining.isOutdated) this.#views.show(id, channel.connection.actor.userId)
  }

  /** Its socket reads again, and may have missed who came and went. */
  relieved(attendee: Attendee): void {
    this.#presence.joined(attendee)
  }

  left(attendee: Attendee): void {
    this.#rooms.unattend(attendee)
  }

  openInbox(channel: Channel<Actor, unknown>): Inbox {
    return this.#inboxes.open(channel)
  }

  /** The inbox follows these conversations. */
  follow(inbox: Inbox, conversations: Iterable<Followed>): void {
    for (const one of conversations) this.#members.follow(inbox, one)
  }

  /** The reply to the inbox's join is out: what happened meanwhile follows. */
  inboxJoined(inbox: Inbox): void {
    const { joining, channel } = inbox
    inbox.joining = null
    if (!joining) return
    for (const [conversationId, { reason }] of joining.removed) {
      channel.push('conversation:removed', { conversationId, reason })
    }
    for (const [id, memberVersion] of joining.came) this.#members.announceTo({ id, memberVersion }, [inbox])
    for (const id of joining.changed) this.#views.show(id, inbox.userId)
  }

  closeInbox(inbox: Inbox): void {
    this.#inboxes.close(inbox)
    for (const id of inbox.rooms) this.#members.unfollow(inbox, id)
  }

  /** What to compare with the stores, when the bus may have lost something that has no number; else null. */
  takeDoubt(): Doubt | null {
    const losses = this.#losses.take()
    if (!losses) return null
    // Presence has no numbers either.
    this.#presence.refreshAll()
    const userIds = [...this.#users()].filter((userId) => losses.shards.has(shardOf(userId)))
    return { ...losses, inboxes: this.#inboxes.all(), userIds }
  }

  /** It could not be settled. */
  keepDoubt(doubt: Doubt): void {
    this.#losses.giveBack(doubt)
  }

  #users(): Set<UserId> {
    const userIds = new Set(this.#inboxes.all().map(({ userId }) => userId))
    for (const id of this.#rooms.ids()) {
      for (const userId of this.#rooms.get(id)?.attendees.keys() ?? []) userIds.add(userId)
    }
    return userIds
  }

  /** Tells users' sockets here once more what they hid. */
  hideAgain(hidden: Iterable<HiddenMessage>): void {
    for (const one of hidden) this.#personal.tell(hiddenEntry(one, null))
  }

  /** Announces those of the user's conversations that the inbox does not follow yet. */
  compare(inbox: Inbox, conversations: Iterable<Followed>): void {
    for (const one of conversations) {
      if (!inbox.rooms.has(one.id)) this.#members.announceTo(one, [inbox])
    }
  }

  #happened(entry: ConversationEntry): void {
    const { conversationId: id } = entry
    switch (entry.kind) {
      case 'created':
        this.#members.announce({ id, memberVersion: 1 }, entry.memberIds)
        break
      case 'members':
        this.#members.changed(entry)
        this.#presence.refresh(id)
        break
      case 'updated':
        this.#members.updated(id, entry.memberVersion)
        break
      case 'deleted':
        this.#members.deleted(id, entry.memberVersion)
        break
      case 'typing':
        if (!entry.isTyping || this.#members.admits(id, entry.memberVersion)) this.#typing.tell(entry)
        break
      case 'receipts': {
        const room = this.#rooms.get(id)
        const admits = this.#members.admits.bind(this.#members)
        // What could not be told now is read from the store once it is known who is there.
        if (room && !tellReceipts(this.#deps.hub, id, room, entry.receipts, admits)) {
          this.#losses.gap(shardOf(id))
        }
      }
    }
  }
}
