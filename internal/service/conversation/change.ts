import { notFound } from '../../domain/errors.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { messageOf } from '../../domain/log-entry.ts'
import type { User } from '../../domain/user.ts'
import type { LiveEvents } from '../live/ports.ts'
import type { RelayWaker } from '../message/ports.ts'
import type {
  ChangeRequest,
  Committed,
  ConversationChanges,
  Decision,
  LockedConversation,
  MemberView,
  UserDirectory,
} from './ports.ts'

export interface ChangeDeps {
  changes: ConversationChanges
  users: UserDirectory
  live: LiveEvents
  relay: RelayWaker
  now(): number
}

/** Changes of conversations: decided, committed, then told to everybody concerned. */
export class ConversationChanger {
  readonly #deps: ChangeDeps

  constructor(deps: ChangeDeps) {
    this.#deps = deps
  }

  /**
   * Null when there was nothing to change.
   * @throws DomainError what `decide` throws; not_found when there is no such conversation
   */
  async change(
    asked: Omit<ChangeRequest, 'nowMs'>,
    decide: (locked: LockedConversation, nowMs: number) => Decision | null,
  ): Promise<Committed | null> {
    const nowMs = this.#deps.now()
    const committed = await this.#deps.changes.change({ ...asked, nowMs }, (locked) => decide(locked, nowMs))
    if (committed === 'gone') throw notFound('conversation')
    if (committed) await this.#tell(asked.conversationId, committed)
    return committed
  }

  async #tell(conversationId: ConversationId, committed: Committed): Promise<void> {
    const { live, relay } = this.#deps
    const { kind, memberVersion, message, joined } = committed
    if (message) relay.wake(conversationId)
    if (kind === 'delete') live.conversationDeleted(conversationId, memberVersion)
    if (kind === 'settings') live.conversationUpdated(conversationId, memberVersion)
    if (joined.length > 0)
      live.conversationCreated(
        conversationId,
        joined.map(({ userId }) => userId),
      )
    try {
      await this.#tellMembers(conversationId, committed)
    } finally {
      // Its member version makes every node look who is still there, should the line above have failed.
      if (message) live.messageCreated(messageOf(message), memberVersion, null)
    }
  }

  async #tellMembers(conversationId: ConversationId, committed: Committed): Promise<void> {
    const { memberVersion, joined, left, reason, updated } = committed
    const all = [...joined, ...left, ...updated]
    if (all.length === 0) return
    const users = await this.#deps.users.byIds(all.map(({ userId }) => userId))
    this.#deps.live.membersChanged({
      conversationId,
      memberVersion,
      joined: membersOf(joined, users),
      left: membersOf(left, users).map((member) => ({ member, reason: reason ?? 'removed' })),
      updated: membersOf(updated, users),
    })
    // Their role is part of the conversation as they see it, in lists as well.
    for (const { userId } of updated) this.#deps.live.preferencesChanged(userId, conversationId)
  }
}

/** With their users, as far as these are known. */
export function membersOf(views: readonly MemberView[], users: ReadonlyMap<UserId, User>) {
  return views.flatMap(({ userId, ...rest }) => {
    const user = users.get(userId)
    return user ? [{ user, ...rest }] : []
  })
}
