import type { ClientId, ConversationId, MessageId } from './ids.ts'
import type { Mentions } from './message.ts'

/** `sending`: a node has begun; it can no longer be stopped. */
export type ScheduledStatus = 'pending' | 'sending' | 'sent' | 'failed' | 'cancelled'

/** A message that goes out at a later time. Times are RFC 3339 UTC with milliseconds. */
export interface Scheduled {
  /** Also the clientId of the message that comes of it. */
  id: ClientId
  conversationId: ConversationId
  /** Of the request that scheduled it. */
  clientId: ClientId | null
  type: 'text'
  /** Empty once it was sent or cancelled. */
  content: string
  replyTo: MessageId | null
  threadRootId: MessageId | null
  mentions: Mentions
  sendAt: string
  createdAt: string
  status: ScheduledStatus
  /** Why it failed: an error's code, or `outcome_unknown`. */
  reason: string | null
}
