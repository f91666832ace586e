import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Channel } from '../../realtime/index.ts'
import type { RemovalReason } from '../../service/live/ports.ts'

/** A socket on its user's own stream, from the beginning of its join. */
export interface Inbox {
  readonly userId: UserId
  readonly channel: Channel<Actor, unknown>
  readonly rooms: Set<ConversationId>
  /** Pointers of the user's other devices as last told. */
  readonly read: Map<ConversationId, Seq>
  /** Settings as last told; null when they never were. */
  settings: string | null
  /** What happened while its join is being answered; null once it is. */
  joining: InboxJoining | null
}

export interface InboxJoining {
  /** Conversations that the user came into, with the members' version of that. */
  came: Map<ConversationId, number>
  changed: Set<ConversationId>
  removed: Map<ConversationId, { memberVersion: number; reason: RemovalReason }>
}

/** The open inboxes of this node. */
export class Inboxes {
  readonly #inboxes = new Map<UserId, Set<Inbox>>()

  open(channel: Channel<Actor, unknown>): Inbox {
    const { userId } = channel.connection.actor
    const joining: InboxJoining = { came: new Map(), changed: new Set(), removed: new Map() }
    const inbox: Inbox = { userId, channel, rooms: new Set(), read: new Map(), settings: null, joining }
    const inboxes = this.#inboxes.get(userId) ?? new Set()
    this.#inboxes.set(userId, inboxes.add(inbox))
    return inbox
  }

  close(inbox: Inbox): void {
    const inboxes = this.#inboxes.get(inbox.userId)
    inboxes?.delete(inbox)
    if (inboxes?.size === 0) this.#inboxes.delete(inbox.userId)
  }

  has(userId: UserId): boolean {
    return this.#inboxes.has(userId)
  }

  of(userId: UserId): Iterable<Inbox> {
    return this.#inboxes.get(userId) ?? []
  }

  all(): Inbox[] {
    return [...this.#inboxes.values()].flatMap((inboxes) => [...inboxes])
  }

  /** To the user's open inboxes, but the one on connection `except`. */
  push(userId: UserId, event: string, json: string, except: string | null = null): void {
    for (const { channel } of this.of(userId)) {
      if (channel.connection.id !== except) channel.pushJson(event, json)
    }
  }
}
