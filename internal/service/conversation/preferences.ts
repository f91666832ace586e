import type { Preferences } from '../../domain/conversation.ts'
import { notFound } from '../../domain/errors.ts'
import type { ConversationId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { LiveEvents } from '../live/ports.ts'
import type { Conversations } from './conversations.ts'
import type { PreferencesRepository } from './ports.ts'

export interface PreferencesDeps {
  repository: PreferencesRepository
  conversations: Conversations
  live: LiveEvents
}

/** How a member wants to have a conversation, and what they are about to say in it; nobody else's business. */
export class ConversationPreferences {
  readonly #deps: PreferencesDeps

  constructor(deps: PreferencesDeps) {
    this.#deps = deps
  }

  /** @throws DomainError not_found to those who are not members; so does `change`. */
  async get(actor: Actor, id: ConversationId): Promise<Preferences> {
    return (await this.#deps.conversations.get(actor, id)).preferences
  }

  async change(actor: Actor, id: ConversationId, change: Partial<Preferences>): Promise<Preferences> {
    const preferences = await this.#deps.repository.set(id, actor.userId, change)
    if (!preferences) throw notFound('conversation')
    this.#deps.live.preferencesChanged(actor.userId, id)
    return preferences
  }
}
