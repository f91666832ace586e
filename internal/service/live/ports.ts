import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'

/**
 * Live delivery to the sockets of all nodes. Hints only: whatever is lost here is healed from the log, so
 * that nothing waits for it and nothing fails by it.
 */
export interface LiveEvents {
  /** `originConnection` gets the reply and not the broadcast. */
  messageCreated(message: Message, memberVersion: number, originConnection: string | null): void
  conversationCreated(conversationId: ConversationId, memberIds: readonly UserId[]): void
}
