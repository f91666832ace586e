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

/** What happened in a conversation, as system messages say it. */
export const SYSTEM_EVENTS = [
  'conversation_created',
  'conversation_updated',
  'member_joined',
  'member_left',
  'member_removed',
  'ownership_transferred',
] as const

export interface SystemEvent {
  event: (typeof SYSTEM_EVENTS)[number]
  actorId: UserId
  userIds: UserId[]
}

export interface ReactionSummary {
  emoji: string
  count: number
  /** The first ten. */
  userIds: UserId[]
  /** In answers to oneself: whether one is among them. */
  mine?: boolean
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
  /** What is quoted; how it reads is looked up with every reading, so that what is erased is gone here, too. */
  replyTo: Omit<ReplyPreview, 'excerpt'> | null
  threadRootId: MessageId | null
  mentions: Mentions
  forwardedFrom: MessageId | null
  system: SystemEvent | null
  /** Seconds until it disappears; null for ever. */
  ttl: number | null
}

/** A message that one user deleted for themselves. */
export interface HiddenMessage {
  userId: UserId
  conversationId: ConversationId
  messageId: MessageId
  seq: Seq
  /** The conversation's when it was hidden. */
  rev: Rev
  /** RFC 3339 UTC with milliseconds. */
  at: string
}

/** An earlier version of a message's text. */
export interface Edit {
  content: string
  /** When this version was written. */
  editedAt: string
}

/** What changes made of a message. */
export interface MessageState {
  /** The conversation's rev at the last of them. */
  rev: Rev
  /** The text as last edited; `at` is in microseconds since 1970. */
  edit: { content: string; mentions: Mentions; at: number } | null
  deletion: { by: UserId; at: number } | null
  pinned: boolean
  reactions: ReactionSummary[]
}
