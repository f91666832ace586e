import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { TopicHub } from '../../realtime/index.ts'
import type { LiveStates, StoreMark } from '../../service/live/ports.ts'
import { shardOf } from './live-entry.ts'
import type { LivePersonal } from './live-personal.ts'
import { tellHealedReceipt } from './live-receipts.ts'
import type { Rooms } from './rooms.ts'

export interface LiveStateHealerDeps {
  hub: TopicHub
  rooms: Rooms
  personal: LivePersonal
  states: LiveStates
  /** Whether all who are in the room are known to be members as of this version; else that is looked up. */
  admits(id: ConversationId, memberVersion: number): boolean
  /** Somebody blocked the user, who may see them online no more. */
  wasBlocked(userId: UserId): void
  /** Users with a socket here. */
  users(): ReadonlySet<UserId>
}

const ROOMS_AT_ONCE = 500
/** Each may be in thousands of conversations, which are looked through for what changed. */
const USERS_AT_ONCE = 200

/**
 * Tells what has no number (receipts, one's own place, preferences and settings, who was blocked) from the store, where the bus may
 * have lost some: of those who are here what changed since it was last known to be told, and of that what is new.
 */
export class LiveStateHealer {
  readonly #deps: LiveStateHealerDeps
  /** Until the earlier one everything was told; what came until the later may still have been on its way then. */
  #marks: { earlier: StoreMark; later: StoreMark } | null = null

  constructor(deps: LiveStateHealerDeps) {
    this.#deps = deps
  }

  /** Nothing seems lost: what is older than the last time this was called has been told by now. */
  async advance(): Promise<void> {
    const mark = await this.#deps.states.mark()
    this.#marks = { earlier: this.#marks?.later ?? mark, later: mark }
  }

  /**
   * @param shards of the bus that may have lost something; null means all.
   * @returns those to be asked for again, as somebody in a room may not be a member any more.
   */
  async heal(shards: ReadonlySet<number> | null): Promise<ReadonlySet<number>> {
    const now = await this.#deps.states.mark()
    const since = this.#marks?.earlier
    if (since === undefined) {
      this.#marks = { earlier: now, later: now }
      return new Set()
    }
    const isMeant = (id: ConversationId | UserId) => shards === null || shards.has(shardOf(id))
    const waiting = await this.#receipts(since, isMeant)
    await this.#own(since, isMeant)
    if (shards === null && waiting.size === 0) this.#marks = { earlier: now, later: now }
    return waiting
  }

  async #receipts(since: StoreMark, isMeant: (id: ConversationId) => boolean): Promise<Set<number>> {
    const { hub, rooms, states, admits } = this.#deps
    const waiting = new Set<number>()
    const attended = rooms.ids().filter((id) => isMeant(id) && (rooms.get(id)?.attendees.size ?? 0) > 0)
    for (const page of pagesOf(attended, ROOMS_AT_ONCE)) {
      for (const { conversationId, memberVersion, ...receipt } of await states.receiptsSince(page, since)) {
        const room = rooms.get(conversationId)
        if (!room) continue
        if (admits(conversationId, memberVersion)) tellHealedReceipt(hub, conversationId, room, receipt)
        else waiting.add(shardOf(conversationId))
      }
    }
    return waiting
  }

  async #own(since: StoreMark, isMeant: (id: UserId) => boolean): Promise<void> {
    const { personal, states, wasBlocked } = this.#deps
    for (const page of pagesOf([...this.#deps.users()].filter(isMeant), USERS_AT_ONCE)) {
      for (const own of await states.ownSince(page, since)) {
        if (own.hasNewPlace) personal.tell({ kind: 'read', ...own, origin: null })
        if (own.hasNewPreferences) await personal.showAgain(own)
      }
      for (const userId of await states.blockedSince(page, since)) wasBlocked(userId)
      for (const { userId, settings } of await states.settingsSince(page, since)) {
        personal.tell({ kind: 'settings', userId, json: JSON.stringify({ settings }) })
      }
    }
  }
}

function* pagesOf<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
