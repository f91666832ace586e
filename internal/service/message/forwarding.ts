import { DomainError, notFound } from '../../domain/errors.ts'
import type { ClientId, ConversationId, MessageId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import { type AccessCache, sendRefusal } from './access-cache.ts'
import type { History } from './history.ts'
import { type Messages, PLAIN, type Sent } from './messages.ts'

export interface ForwardDeps {
  access: AccessCache
  history: History
  messages: Messages
}

/** Conversations that one message is forwarded to at once. */
export const FORWARD_MAX = 20

/** Sends what somebody reads on to other conversations of theirs. */
export class Forwarding {
  readonly #deps: ForwardDeps

  constructor(deps: ForwardDeps) {
    this.#deps = deps
  }

  /**
   * To all of them or, when one of them refuses, to none; in the order given. Repeating it under the same
   * clientId sends what was not sent yet.
   * @throws DomainError not_found, forbidden, blocked, conflict (it was deleted), idempotency_mismatch
   */
  async forward(
    actor: Actor,
    from: { conversationId: ConversationId; messageId: MessageId },
    to: readonly ConversationId[],
    clientId: ClientId | null,
  ): Promise<Sent[]> {
    const { access, history, messages } = this.#deps
    const { message } = await history.one(from.conversationId, actor.userId, from.messageId)
    if (message.type === 'system') throw notFound('message')
    if (message.deletedAt) throw new DomainError('conflict', 'The message was deleted.')
    const targets = [...new Set(to)]
    for (const id of targets) {
      const refusal = sendRefusal(await access.get(id, actor.userId, false))
      if (refusal) throw refusal
    }
    const input = { ...PLAIN, clientId, content: message.content }
    return Promise.all(
      targets.map((id) => messages.send(actor, id, input, { forwardedFrom: from.messageId })),
    )
  }
}
