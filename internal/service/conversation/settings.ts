import type { Conversation, ConversationSettings } from '../../domain/conversation.ts'
import type { ConversationId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { ConversationChanger } from './change.ts'
import type { Conversations } from './conversations.ts'
import { deletion, settingsChange } from './decisions.ts'

export interface SettingsDeps {
  changer: ConversationChanger
  conversations: Conversations
  audit: AuditTrail
}

/** What a conversation is called, who may do what in it, how long its messages live, and its end. */
export class Settings {
  readonly #deps: SettingsDeps

  constructor(deps: SettingsDeps) {
    this.#deps = deps
  }

  /** @throws DomainError not_found to those who are not members; forbidden, for any one of the fields; blocked. */
  async change(
    actor: Actor,
    id: ConversationId,
    change: Partial<ConversationSettings>,
  ): Promise<Conversation> {
    const request = { conversationId: id, actorId: actor.userId, userIds: [] }
    await this.#deps.changer.change(request, (locked) => settingsChange(locked, actor.userId, change))
    return this.#deps.conversations.get(actor, id)
  }

  /** From then on it is not there for anybody. @throws DomainError not_found, forbidden */
  async delete(actor: Actor, id: ConversationId, address: string): Promise<void> {
    const { userId: actorId, sessionId } = actor
    const request = { conversationId: id, actorId, userIds: [] }
    await this.#deps.changer.change(request, (locked) => deletion(locked, actorId))
    const event = { action: 'conversation.delete', outcome: 'success', target: id } as const
    await this.#deps.audit.record({ ...event, actorId, sessionId, address })
  }
}
