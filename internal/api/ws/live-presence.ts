import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { TopicHub } from '../../realtime/index.ts'
import type { BlockRepository } from '../../service/block/ports.ts'
import type { PresenceMembers } from '../../service/presence/ports.ts'
import { presenceRef } from '../../service/presence/presence-ref.ts'
import type { PresenceSignal } from '../../service/presence/signals.ts'
import { onlineAmong } from './presence-reading.ts'
import type { Attendee, Rooms } from './rooms.ts'
import { chatTopic } from './topic-names.ts'

export interface LivePresenceDeps {
  hub: TopicHub
  rooms: Rooms
  members: Pick<PresenceMembers, 'memberIds'>
  blocks: Pick<BlockRepository, 'among'>
  isOnline(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>>
  now(): number
  lookAgainMs?: number
  onError(error: unknown): void
}

interface Watched {
  /** Null in groups with more members than are told of each other. */
  members: ReadonlySet<UserId> | null
  /** Online as told here, with when this node learned of it. */
  online: Map<UserId, string>
  count: number
  /** Told to be online, but not seen to be at the last reading. */
  missed: Set<UserId>
}

/** In larger groups only the number of those online is told. */
const LISTED_MAX = 200
const COUNT_EVERY_MS = 30_000
/** More than somebody may be away before that is told. */
const LOOK_AGAIN_MS = 8000

/** Who is online, to those who share a conversation and are in it on this node. */
export class LivePresence {
  readonly #deps: LivePresenceDeps
  readonly #watched = new Map<ConversationId, Watched>()
  /** Readings and broadcasts of a conversation, one after another. */
  readonly #turns = new Map<ConversationId, Promise<unknown>>()
  readonly #timer: NodeJS.Timeout

  constructor(deps: LivePresenceDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => this.#recount(), COUNT_EVERY_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The join was answered, or diffs were lost: the state follows, and clients queue every diff until then. */
  joined(attendee: Attendee): void {
    this.#inTurn(attendee.id, async () => {
      if (attendee.channel.isEnded) return
      try {
        await this.#show(attendee)
      } catch (error) {
        attendee.channel.push('presence_state', {})
        throw error
      }
    })
  }

  /** Whom the user may see online has changed. */
  showAnew(userId: UserId): void {
    for (const id of this.#watched.keys()) {
      const mine = this.#deps.rooms.get(id)?.attendees.get(userId)
      if (mine) this.#inTurn(id, () => this.#showTo(mine))
    }
  }

  /** Told by the node that noticed. */
  tell({ userId, isOnline, at }: PresenceSignal): void {
    for (const [id, { members }] of this.#watched) {
      if (members?.has(userId)) this.#inTurn(id, () => this.#changed(id, userId, isOnline, at))
    }
  }

  /** Members came or went, or what told of them or of their presence may have been lost. */
  refresh(id: ConversationId): void {
    if (!this.#watched.has(id)) return
    this.#inTurn(id, async () => {
      if (this.#forgetEmpty(id)) return
      const before = this.#watched.get(id)
      const now = await this.#read(id)
      if (before?.members && now.members) {
        this.#watched.set(id, { ...before, members: now.members })
        await this.#compare(id, before, now.members, now.online)
        return
      }
      this.#watched.set(id, now)
      if (before && before.members !== now.members) await this.#showAll(id)
      else if (!now.members && now.count !== before?.count) this.#broadcastCount(id, now.count)
    })
  }

  /** Tells what differs from what was told. */
  async #compare(
    id: ConversationId,
    { online, missed }: Watched,
    members: ReadonlySet<UserId>,
    nowOnline: ReadonlyMap<UserId, string>,
  ): Promise<void> {
    for (const userId of [...online.keys()]) {
      if (nowOnline.has(userId)) missed.delete(userId)
      else if (missed.delete(userId) || !members.has(userId)) await this.#changed(id, userId, false, null)
      else this.#lookAgain(id, missed.add(userId))
    }
    const at = new Date(this.#deps.now()).toISOString()
    for (const userId of nowOnline.keys()) await this.#changed(id, userId, true, at)
  }

  /**
   * Away for a moment is no news, and whoever noticed may still be about to tell. Asked for by the first that is missed,
   * one look serves all.
   */
  #lookAgain(id: ConversationId, missed: ReadonlySet<UserId>): void {
    if (missed.size > 1) return
    setTimeout(() => this.refresh(id), this.#deps.lookAgainMs ?? LOOK_AGAIN_MS).unref()
  }

  refreshAll(): void {
    for (const id of this.#watched.keys()) this.refresh(id)
  }

  async #show({ id, channel }: Attendee): Promise<void> {
    const watched = this.#watched.get(id) ?? (await this.#read(id))
    this.#watched.set(id, watched)
    const { userId } = channel.connection.actor
    const { blockedBy } = await this.#deps.blocks.among(userId, [...watched.online.keys()])
    channel.push('presence_state', stateOf([...watched.online].filter(([other]) => !blockedBy.has(other))))
    if (!watched.members) channel.push('presence:count', { online: watched.count })
    this.#forgetEmpty(id)
  }

  /** It has become too large to be told of each other, or small enough again: clients replace what they have. */
  async #showAll(id: ConversationId): Promise<void> {
    for (const attendees of [...(this.#deps.rooms.get(id)?.attendees.values() ?? [])]) {
      await this.#showTo(attendees)
    }
  }

  async #showTo(attendees: ReadonlySet<Attendee>): Promise<void> {
    for (const attendee of [...attendees]) if (!attendee.joining) await this.#show(attendee)
  }

  #recount(): void {
    for (const [id, { members }] of this.#watched) {
      if (!this.#forgetEmpty(id) && !members) this.refresh(id)
    }
  }

  async #read(id: ConversationId): Promise<Watched> {
    const { members, now, isOnline } = this.#deps
    const { online, count, isListed, all } = await onlineAmong(id, {
      members,
      isOnline,
      listedMax: LISTED_MAX,
    })
    const at = new Date(now()).toISOString()
    return {
      members: isListed ? all : null,
      online: new Map([...online].map((userId) => [userId, at])),
      count,
      missed: new Set(),
    }
  }

  async #changed(id: ConversationId, userId: UserId, isOnline: boolean, at: string | null): Promise<void> {
    const { hub, rooms, blocks, now } = this.#deps
    const watched = this.#watched.get(id)
    const attendees = rooms.get(id)?.attendees
    if (!watched || !attendees || watched.online.has(userId) === isOnline) return
    const since = watched.online.get(userId) ?? at ?? new Date(now()).toISOString()
    if (isOnline) watched.online.set(userId, since)
    else watched.online.delete(userId)
    const { blocking } = await blocks.among(userId, [...attendees.keys()])
    const hidden = [...blocking].flatMap((blocked) => [...(attendees.get(blocked) ?? [])])
    const except = new Set(hidden.map(({ channel }) => channel.connection.id))
    const [joins, leaves] = [
      isOnline ? [[userId, since] as const] : [],
      isOnline ? [] : [[userId, since] as const],
    ]
    const diff = { joins: stateOf(joins), leaves: stateOf(leaves) }
    const options = { droppable: true, except }
    hub.broadcast(chatTopic(id), 'presence_diff', JSON.stringify(diff), options)
    const event = isOnline ? 'user:online' : 'user:offline'
    hub.broadcast(chatTopic(id), event, JSON.stringify({ userId, at }), options)
  }

  #broadcastCount(id: ConversationId, online: number): void {
    const options = { droppable: true }
    this.#deps.hub.broadcast(chatTopic(id), 'presence:count', JSON.stringify({ online }), options)
  }

  /** Nobody is here any more. */
  #forgetEmpty(id: ConversationId): boolean {
    const isEmpty = (this.#deps.rooms.get(id)?.attendees.size ?? 0) === 0
    if (isEmpty) this.#watched.delete(id)
    return isEmpty
  }

  #inTurn(id: ConversationId, work: () => Promise<void>): void {
    const before = this.#turns.get(id) ?? Promise.resolve()
    const mine = before.then(work).catch(this.#deps.onError)
    this.#turns.set(id, mine)
    mine
      .then(() => {
        if (this.#turns.get(id) === mine) this.#turns.delete(id)
      })
      .catch(this.#deps.onError)
  }
}

/** One meta for each; its ref is the user's own, and so the same on all nodes. */
function stateOf(online: Iterable<readonly [UserId, string]>): object {
  return Object.fromEntries(
    [...online].map(([userId, onlineAt]) => [
      userId,
      { metas: [{ phx_ref: presenceRef(userId), onlineAt }] },
    ]),
  )
}
