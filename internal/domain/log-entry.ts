import { type ClientId, type ConversationId, messageIdOf, type Rev, type Seq, type UserId } from './ids.ts'
import type { Message, MessageBody } from './message.ts'

/** One message as the log numbered it: everything else about it is derived from this. */
export interface LogEntry {
  conversationId: ConversationId
  seq: Seq
  rev: Rev
  era: number
  /** Messages up to this one that are not system messages. */
  ordinal: number
  /** Microseconds since 1970. */
  stamp: number
  senderId: UserId
  operationId: ClientId
  /** JSON of a MessageBody, without the fields that are null or empty. */
  payload: string
}

const EMPTY_BODY: MessageBody = {
  clientId: null,
  type: 'text',
  content: '',
  replyTo: null,
  threadRootId: null,
  mentions: { userIds: [], all: false },
  system: null,
}

/** The smallest JSON that `bodyOf` reads back unchanged. */
export function payloadOf(body: MessageBody): string {
  const { mentions } = body
  return JSON.stringify({
    clientId: body.clientId ?? undefined,
    type: body.type,
    content: body.content,
    replyTo: body.replyTo ?? undefined,
    threadRootId: body.threadRootId ?? undefined,
    mentions: mentions.all || mentions.userIds.length > 0 ? mentions : undefined,
    system: body.system ?? undefined,
  })
}

export function messageOf(entry: LogEntry): Message {
  const body: MessageBody = { ...EMPTY_BODY, ...JSON.parse(entry.payload) }
  return {
    id: messageIdOf(entry),
    conversationId: entry.conversationId,
    seq: entry.seq,
    senderId: entry.senderId,
    clientId: body.clientId,
    type: body.type,
    content: body.content,
    attachments: [],
    replyTo: body.replyTo,
    threadRootId: body.threadRootId,
    threadCount: 0,
    mentions: body.mentions,
    reactions: [],
    pinned: false,
    forwardedFrom: null,
    system: body.system,
    createdAt: new Date(Math.floor(entry.stamp / 1000)).toISOString(),
    editedAt: null,
    deletedAt: null,
    expiresAt: null,
    rev: entry.rev,
  }
}

type Preview = Pick<LogEntry, 'senderId' | 'operationId' | 'payload'>

/** What is kept of the last message beside its conversation; its place is kept apart. */
export function previewOf(part: Preview): string {
  return JSON.stringify(part)
}

export function readPreview(text: string): Preview {
  return JSON.parse(text)
}
