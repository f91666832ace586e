import type { AppliedChange, ChangeKind } from '../domain/change.ts'
import type { Conversation, HistoryVisibility, Member } from '../domain/conversation.ts'
import { notFound } from '../domain/errors.ts'
import type { ConversationId, UserId } from '../domain/ids.ts'
import type { Message } from '../domain/message.ts'
import type { NotificationSettings } from '../domain/notification.ts'
import type { Actor, User } from '../domain/user.ts'
import type {
  LiveStates,
  MembersChanged,
  OwnChanged,
  ReceiptMoved,
  RemovalReason,
} from '../service/live/ports.ts'
import type { CatchUp } from '../service/message/history.ts'
import type { Following, LiveRow } from '../service/message/missed-rows.ts'
import type { SendAccess } from '../service/message/ports.ts'
import { messageEvent, randomConversationId } from './events.ts'

const AT = '2026-11-21T00:00:00.000Z'

/** A member's place, with the numbers of their last change and of that of their preferences. */
interface Place {
  userId: UserId
  deliveredSeq: number
  readSeq: number
  change: number
  preferences: number
}

/** One conversation as the stores have it: what is committed here is true, whatever the bus says. */
export class LiveStores implements LiveStates {
  readonly id: ConversationId = randomConversationId()
  historyVisibility: HistoryVisibility = 'joined'
  memberVersion = 1
  /** Members, with the seq at which they came. */
  readonly members = new Map<UserId, number>()
  readonly rows: LiveRow[] = []
  /** Reads wait for this. */
  gate: Promise<unknown> = Promise.resolve()
  /** Reads of what has no number fail as this does. */
  states: Promise<unknown> = Promise.resolve()
  seq = 0
  /** Members who may not send. */
  readonly blocked = new Set<UserId>()
  /** Users online on any node. */
  readonly online = new Set<UserId>()
  /** Who blocked whom: `<blocker> <blocked>`. */
  readonly blocks = new Set<string>()
  readonly presence = {
    members: { memberIds: async () => [...this.members.keys()] },
    blocks: {
      among: async (userId: UserId, others: readonly UserId[]) => ({
        blockedBy: new Set(others.filter((other) => this.blocks.has(`${other} ${userId}`))),
        blocking: new Set(others.filter((other) => this.blocks.has(`${userId} ${other}`))),
      }),
    },
    isOnline: async (userIds: readonly UserId[]) => new Set(userIds.filter((id) => this.online.has(id))),
    now: Date.now,
    lookAgainMs: 50,
  }
  readonly access = {
    get: (_id: ConversationId, userId: UserId): SendAccess => ({
      kind: 'group',
      role: 'member',
      postPolicy: 'everyone',
      invitePolicy: 'everyone',
      infoPolicy: 'everyone',
      memberVersion: this.memberVersion,
      isBlocked: this.blocked.has(userId),
      messageTtl: null,
    }),
  }
  rev = 0
  #changes = 0
  readonly #places = new Map<UserId, Place>()
  readonly #blocked = new Map<UserId, number>()
  readonly #settings = new Map<UserId, { settings: NotificationSettings; change: number }>()

  message(senderId: UserId, content = `message ${this.seq + 1}`): Message {
    const seq = ++this.seq
    const given = { content, rev: this.rev }
    const { message } = messageEvent({ conversationId: this.id, senderId, seq, message: given })
    this.rows.push({ n: seq + this.rev, message })
    return message
  }

  change(actorId: UserId, seq: number, kind: ChangeKind = 'edit'): AppliedChange {
    const row = this.rows.find((one) => 'message' in one && one.message.seq === seq)
    if (!row || !('message' in row)) throw new Error(`no message ${seq}`)
    const rev = ++this.rev
    const message = { ...row.message, content: `edited at ${rev}`, rev }
    const about = { conversationId: this.id, kind, rev, headSeq: this.seq, actorId, at: AT }
    const change = { ...about, emoji: kind === 'reaction' ? '👍' : null, added: true, message }
    this.rows.push({ n: this.seq + rev, change })
    return change
  }

  add(userId: UserId): MembersChanged {
    this.members.set(userId, this.seq)
    return { ...this.#changed(), joined: [member(userId)] }
  }

  remove(userId: UserId, reason: RemovalReason = 'removed'): MembersChanged {
    this.members.delete(userId)
    return { ...this.#changed(), left: [{ member: member(userId), reason }] }
  }

  #changed(): MembersChanged {
    const memberVersion = ++this.memberVersion
    return { conversationId: this.id, memberVersion, joined: [], left: [], updated: [] }
  }

  async following(_id: ConversationId, after: { seq: number; rev: number }): Promise<Following> {
    const { memberVersion } = this
    const from = after.seq + after.rev
    const entries = this.rows.filter(({ n }) => n > from).slice(0, 200)
    await this.gate
    return { entries, memberVersion }
  }

  async heads() {
    return new Map([[this.id, { seq: this.seq, rev: this.rev, memberVersion: this.memberVersion }]])
  }

  async catchUp(_id: ConversationId, viewerId: UserId, cursor: { seq: number } | null): Promise<CatchUp> {
    const joinedSeq = this.members.get(viewerId)
    if (joinedSeq === undefined) throw notFound('conversation')
    const { seq, rev, memberVersion } = this
    const firstVisible = this.historyVisibility === 'all' ? 1 : joinedSeq + 1
    const from = Math.max(cursor?.seq ?? 0, firstVisible - 1)
    const messages = this.rows.flatMap((row) =>
      'message' in row && row.message.seq > from ? row.message : [],
    )
    const standpoint = { seq, rev, epoch: '1', memberVersion, role: 'member' as const, firstVisible }
    await this.gate
    return {
      standpoint,
      seq,
      rev,
      messages,
      changes: [],
      hidden: [],
      more: false,
      reset: false,
      isNewest: false,
    }
  }

  async hiddenSince() {
    return []
  }

  /** Marks count the changes of what has no number. */
  async mark() {
    await this.states
    return this.#changes
  }

  async receiptsSince(_ids: readonly ConversationId[], mark: number): Promise<ReceiptMoved[]> {
    const moved = [...this.#places.values()].filter(({ change }) => change >= mark)
    return moved.map(({ userId, deliveredSeq, readSeq }) => ({
      ...{ conversationId: this.id, userId, deliveredSeq, readSeq },
      memberVersion: this.memberVersion,
      at: AT,
    }))
  }

  async ownSince(userIds: readonly UserId[], mark: number): Promise<OwnChanged[]> {
    return [...this.#places.values()].flatMap(({ userId, readSeq, change, preferences }) => {
      if (change < mark || !userIds.includes(userId)) return []
      return {
        conversationId: this.id,
        userId,
        readSeq,
        hasNewPlace: true,
        hasNewPreferences: preferences >= mark,
      }
    })
  }

  async settingsSince(userIds: readonly UserId[], mark: number) {
    const changed = [...this.#settings].filter(([userId, { change }]) => {
      return change >= mark && userIds.includes(userId)
    })
    return changed.map(([userId, { settings }]) => ({ userId, settings }))
  }

  /** Commits that the user has read up to here. */
  read(userId: UserId, seq: number): ReceiptMoved {
    const place = { userId, deliveredSeq: seq, readSeq: seq }
    const preferences = this.#places.get(userId)?.preferences ?? -1
    this.#places.set(userId, { ...place, preferences, change: this.#changes++ })
    return { conversationId: this.id, memberVersion: this.memberVersion, ...place, at: AT }
  }

  /** Commits that the user changed their preferences. */
  prefer(userId: UserId): void {
    const place = this.#places.get(userId) ?? { userId, deliveredSeq: 0, readSeq: 0 }
    const change = this.#changes++
    this.#places.set(userId, { ...place, change, preferences: change })
  }

  /** Commits that one blocked the other. */
  block(blocker: UserId, blocked: UserId): void {
    this.blocks.add(`${blocker} ${blocked}`)
    this.#blocked.set(blocked, this.#changes++)
  }

  async blockedSince(userIds: readonly UserId[], mark: number): Promise<UserId[]> {
    return userIds.filter((userId) => (this.#blocked.get(userId) ?? -1) >= mark)
  }

  /** Commits the user's settings. */
  set(userId: UserId, settings: NotificationSettings): void {
    this.#settings.set(userId, { settings, change: this.#changes++ })
  }

  async membersAmong(_id: ConversationId, userIds: readonly UserId[]) {
    const { memberVersion } = this
    const joinedSeqs = new Map([...this.members].filter(([userId]) => userIds.includes(userId)))
    await this.gate
    return { memberVersion, joinedSeqs }
  }

  async viewsFor(_id: ConversationId, userIds: readonly UserId[]): Promise<Map<UserId, Conversation>> {
    const members = userIds.filter((userId) => this.members.has(userId))
    const views = new Map(members.map((userId) => [userId, this.#view(userId)]))
    await this.gate
    return views
  }

  async get({ userId }: Actor): Promise<Conversation> {
    if (!this.members.has(userId)) throw notFound('conversation')
    return this.#view(userId)
  }

  async list({ userId }: Actor) {
    return { items: this.members.has(userId) ? [this.#view(userId)] : [], nextCursor: null }
  }

  async memberships({ userId }: Actor) {
    const { id, seq, rev, memberVersion } = this
    const memberships = this.members.has(userId) ? [{ id, seq, rev, memberVersion }] : []
    await this.gate
    return memberships
  }

  #view(userId: UserId): Conversation {
    return {
      id: this.id,
      kind: 'group',
      name: `as ${userId} sees it`,
      description: null,
      avatarUrl: null,
      memberCount: this.members.size,
      peer: null,
      postPolicy: 'everyone',
      invitePolicy: 'everyone',
      infoPolicy: 'everyone',
      historyVisibility: this.historyVisibility,
      messageTtl: null,
      createdBy: userId,
      createdAt: AT,
      seq: this.seq,
      rev: this.rev,
      epoch: '1',
      lastMessage: null,
      role: 'member',
      joinedSeq: this.members.get(userId) ?? 0,
      deliveredSeq: 0,
      readSeq: 0,
      unread: 0,
      mentions: 0,
      preferences: { mutedUntil: null, notify: 'all', pinned: false, archived: false, draft: null },
    }
  }
}

export function userOf(id: UserId): User {
  const names = { username: id, displayName: id, publicId: id }
  return { id, ...names, avatarUrl: null, lastSeenAt: null, createdAt: AT }
}

function member(userId: UserId): Member {
  return { user: userOf(userId), role: 'member', joinedAt: AT, deliveredSeq: 0, readSeq: 0 }
}
