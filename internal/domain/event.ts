import type { ConversationId, Seq } from './ids.ts'
import type { Message } from './message.ts'

/**
 * What the log tells the world after the fact, at least once per log row: the same row always gives the
 * same `id`, whoever publishes it and however often.
 */
export interface MessageCreated {
  /** `<conversationId>:<era>:s<seq>`. */
  id: string
  kind: 'message'
  conversationId: ConversationId
  seq: Seq
  message: Message
}

export type ChatEvent = MessageCreated
