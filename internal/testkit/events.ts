import type { MessageCreated } from '../domain/event.ts'
import { type ClientId, type ConversationId, messageIdOf, type UserId, uuidv7 } from '../domain/ids.ts'
import type { Message } from '../domain/message.ts'

export interface EventOptions {
  conversationId?: ConversationId
  senderId?: UserId
  seq?: number
  /** Whatever of the message the test is about. */
  message?: Partial<Message>
}

export function randomUserId(): UserId {
  return uuidv7<UserId>()
}

export function randomConversationId(): ConversationId {
  return uuidv7<ConversationId>()
}

/** The event of a plain text message, as the relay makes it. */
export function messageEvent(options: EventOptions = {}): MessageCreated {
  const conversationId = options.conversationId ?? randomConversationId()
  const senderId = options.senderId ?? randomUserId()
  const seq = options.seq ?? 1
  const nowMs = Date.now()
  const clientId = uuidv7<ClientId>()
  const message: Message = {
    id: messageIdOf({ conversationId, seq, stamp: nowMs * 1000, senderId, operationId: clientId, era: 1 }),
    conversationId,
    seq,
    senderId,
    clientId,
    type: 'text',
    content: `message ${seq}`,
    attachments: [],
    replyTo: null,
    threadRootId: null,
    threadCount: 0,
    mentions: { userIds: [], all: false },
    reactions: [],
    pinned: false,
    forwardedFrom: null,
    system: null,
    createdAt: new Date(nowMs).toISOString(),
    editedAt: null,
    deletedAt: null,
    expiresAt: null,
    rev: 0,
    ...options.message,
  }
  return { id: `${conversationId}:1:s${seq}`, kind: 'message', conversationId, seq, message }
}
