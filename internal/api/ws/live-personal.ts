import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { HiddenMessage } from '../../domain/message.ts'
import type { Inboxes } from './inboxes.ts'
import type { PersonalEntry } from './live-entry.ts'
import { changedJson } from './live-row.ts'
import type { LiveViews } from './live-views.ts'
import type { Rooms } from './rooms.ts'
import { chatTopic } from './topic-names.ts'

export interface LivePersonalDeps {
  rooms: Rooms
  inboxes: Inboxes
  views: LiveViews
}

type Of<Kind extends PersonalEntry['kind']> = PersonalEntry & { kind: Kind }

/** Tells a user's sockets that they deleted a message for themselves: to be taken away, not shown as deleted. */
export function hiddenEntry(hidden: HiddenMessage, origin: string | null): Of<'hidden'> {
  const { userId, conversationId, messageId, seq, rev, at } = hidden
  const json = JSON.stringify({ messageId, seq, deletedBy: userId, deletedAt: at, rev, scope: 'me' })
  return { kind: 'hidden', userId, conversationId, rev, json, origin }
}

/** What concerns one user alone, to that user's sockets here. */
export class LivePersonal {
  readonly #deps: LivePersonalDeps

  constructor(deps: LivePersonalDeps) {
    this.#deps = deps
  }

  tell(entry: Exclude<PersonalEntry, { kind: 'blocks' }>): void {
    switch (entry.kind) {
      case 'preferences':
        if (this.#isHere(entry)) this.#deps.views.show(entry.conversationId, entry.userId)
        break
      case 'read':
        this.#read(entry)
        break
      case 'hidden':
        this.#hidden(entry)
        break
      case 'settings':
        this.#settings(entry)
    }
  }

  /** The bus may have lost that they changed their preferences. */
  async showAgain(about: { userId: UserId; conversationId: ConversationId }): Promise<void> {
    if (this.#isHere(about)) await this.#deps.views.showNow(about.conversationId, about.userId)
  }

  #settings({ userId, json }: Of<'settings'>): void {
    for (const inbox of this.#deps.inboxes.of(userId)) {
      if (inbox.settings === json) continue
      inbox.settings = json
      inbox.channel.pushJson('settings:updated', json)
    }
  }

  #isHere({ userId, conversationId }: { userId: UserId; conversationId: ConversationId }): boolean {
    const { inboxes, rooms } = this.#deps
    return inboxes.has(userId) || rooms.get(conversationId)?.attendees.has(userId) === true
  }

  /** Another device read: the pointer only moves forward. */
  #read({ userId, conversationId, readSeq, origin }: Of<'read'>): void {
    for (const { channel, read } of this.#deps.inboxes.of(userId)) {
      if (readSeq <= (read.get(conversationId) ?? 0)) continue
      read.set(conversationId, readSeq)
      if (channel.connection.id !== origin) channel.push('inbox:read', { conversationId, readSeq })
    }
  }

  #hidden({ userId, conversationId, rev, json, origin }: Of<'hidden'>): void {
    for (const { channel } of this.#deps.rooms.get(conversationId)?.attendees.get(userId) ?? []) {
      if (channel.connection.id !== origin) channel.pushJson('message:deleted', json)
    }
    const topic = chatTopic(conversationId)
    for (const { channel } of this.#deps.inboxes.of(userId)) {
      const { id } = channel.connection
      if (id === origin || channel.connection.hasJoined(topic)) continue
      channel.pushJson('inbox:changed', changedJson(conversationId, rev))
    }
  }
}
