import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import type { Inboxes } from './inboxes.ts'
import { type Rooms, usersIn } from './rooms.ts'

/** What live delivery asks about conversations; of at most 500 users at a time. */
export type LiveDirectory = Pick<Conversations, 'membersAmong' | 'viewsFor'>

export interface LiveViewsDeps {
  directory: LiveDirectory
  rooms: Rooms
  inboxes: Inboxes
  onError(error: unknown): void
}

const PAGE = 500

export function* pagesOf(userIds: Iterable<UserId>): Generator<UserId[]> {
  const all = [...userIds]
  for (let start = 0; start < all.length; start += PAGE) yield all.slice(start, start + PAGE)
}

/** Shows conversations anew (`conversation:updated`), to each as they see them. */
export class LiveViews {
  readonly #deps: LiveViewsDeps
  /** Conversations being shown; true: once more, as they changed meanwhile. */
  readonly #running = new Map<ConversationId, boolean>()

  constructor(deps: LiveViewsDeps) {
    this.#deps = deps
  }

  /** To all who follow it here. However often it changes, it is shown by one pass after another. */
  showAll(id: ConversationId): void {
    const isRunning = this.#running.has(id)
    this.#running.set(id, isRunning)
    if (!isRunning) this.#pass(id).catch(this.#deps.onError)
  }

  show(id: ConversationId, userId: UserId): void {
    this.showNow(id, userId).catch(this.#deps.onError)
  }

  /** @throws DomainError dependency_unavailable */
  showNow(id: ConversationId, userId: UserId): Promise<void> {
    return this.#show(id, [userId])
  }

  async #pass(id: ConversationId): Promise<void> {
    try {
      do {
        this.#running.set(id, false)
        const room = this.#deps.rooms.get(id)
        for (const page of pagesOf(room ? usersIn(room) : [])) await this.#show(id, page)
      } while (this.#running.get(id))
    } finally {
      this.#running.delete(id)
    }
  }

  async #show(id: ConversationId, userIds: readonly UserId[]): Promise<void> {
    const { directory, rooms, inboxes } = this.#deps
    // What is being joined may have been read before: it is shown anew after the reply.
    for (const userId of userIds) this.#markJoining(id, userId)
    const views = await directory.viewsFor(id, userIds)
    for (const [userId, conversation] of views) {
      const json = JSON.stringify({ conversation })
      const { historyVisibility, joinedSeq } = conversation
      for (const attendee of rooms.get(id)?.attendees.get(userId) ?? []) {
        rooms.limit(attendee, { firstVisible: historyVisibility === 'all' ? 1 : joinedSeq + 1 })
        attendee.channel.pushJson('conversation:updated', json)
      }
      inboxes.push(userId, 'conversation:updated', json)
    }
  }

  #markJoining(id: ConversationId, userId: UserId): void {
    const { rooms, inboxes } = this.#deps
    for (const { joining } of rooms.get(id)?.attendees.get(userId) ?? []) {
      if (joining) joining.isOutdated = true
    }
    for (const { joining } of inboxes.of(userId)) joining?.changed.add(id)
  }
}
