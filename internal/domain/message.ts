import type { ClientId, ConversationId, MessageId, Rev, Seq, UserId } from './ids.ts'

export type MessageType = 'text' | 'media' | 'system'

export interface ReplyPreview {
  id: MessageId
  seq: Seq
  senderId: UserId
  /** At most 140 code points of the quoted text; empty once that was deleted. */
  excerpt: string
}

export interface Mentions {
  userIds: UserId[]
  all: boolean
}

export interface SystemEvent {
  event: 'conversation_created' | 'member_joined' | 'member_left' | 'member_removed' | 'conversation_updated'
  actorId: UserId
  userIds: UserId[]
}

export interface ReactionSummary {
  emoji: string
  count: number
  /** The first ten. */
  userIds: UserId[]
}

/** One entry in a conversation. Times are RFC 3339 UTC with milliseconds. */
export interface Message {
  id: MessageId
  conversationId: ConversationId
  seq: Seq
  senderId: UserId
  clientId: ClientId | null
  type: MessageType
  /** Unicode exactly as sent, 1 to 8,000 code points for `text`. */
  content: string
  attachments: never[]
  replyTo: ReplyPreview | null
  threadRootId: MessageId | null
  threadCount: number
  mentions: Mentions
  reactions: ReactionSummary[]
  pinned: boolean
  forwardedFrom: MessageId | null
  system: SystemEvent | null
  createdAt: string
  editedAt: string | null
  deletedAt: string | null
  expiresAt: string | null
  rev: Rev
}

/** What the sender decided: the part of a message that the log stores as its payload. */
export interface MessageBody {
  clientId: ClientId | null
  type: MessageType
  content: string
  replyTo: ReplyPreview | null
  threadRootId: MessageId | null
  mentions: Mentions
  system: SystemEvent | null
}
