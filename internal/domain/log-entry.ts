import {
  type ClientId,
  type ConversationId,
  messageIdOf,
  type Rev,
  type Seq,
  seqOfMessageId,
  type UserId,
} from './ids.ts'
import type { Message, MessageBody, MessageState } from './message.ts'
import { excerpt } from './text.ts'

/** One message as the log numbered it, with what changes made of it: all else about it is derived from this. */
export interface LogEntry {
  conversationId: ConversationId
  seq: Seq
  /** The conversation's when the message was written. */
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
  /** Null while nothing changed it, as far as the store knows that was asked. */
  state: MessageState | null
}

const EMPTY_BODY: MessageBody = {
  clientId: null,
  type: 'text',
  content: '',
  replyTo: null,
  threadRootId: null,
  mentions: { userIds: [], all: false },
  forwardedFrom: null,
  system: null,
  ttl: null,
}

/** A body of these fields, the others empty. */
export function bodyWith(given: Partial<MessageBody>): MessageBody {
  return { ...EMPTY_BODY, ...given }
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
    forwardedFrom: body.forwardedFrom ?? undefined,
    system: body.system ?? undefined,
    ttl: body.ttl ?? undefined,
  })
}

export function bodyOf(payload: string): MessageBody {
  return { ...EMPTY_BODY, ...JSON.parse(payload) }
}

/** What is left of a deleted message's own row. */
export function blankPayload(payload: string): string {
  const { clientId, type, threadRootId, ttl } = bodyOf(payload)
  return payloadOf(bodyWith({ clientId, type, threadRootId, ttl }))
}

/**
 * A quoted message's excerpt is not known here: it is empty until the reader fills it in.
 * @param body the payload's, where it is at hand: then it need not be parsed.
 */
export function messageOf(entry: LogEntry, threadCount = 0, body = bodyOf(entry.payload)): Message {
  const { state } = entry
  const isDeleted = state?.deletion != null
  const text = state?.edit ?? body
  return {
    id: messageIdOf(entry),
    conversationId: entry.conversationId,
    seq: entry.seq,
    senderId: entry.senderId,
    clientId: body.clientId,
    type: body.type,
    content: isDeleted ? '' : text.content,
    attachments: [],
    replyTo: body.replyTo && !isDeleted ? { ...body.replyTo, excerpt: '' } : null,
    threadRootId: body.threadRootId,
    threadCount,
    mentions: isDeleted ? EMPTY_BODY.mentions : text.mentions,
    reactions: isDeleted ? [] : (state?.reactions ?? []).map((reaction) => ({ ...reaction })),
    pinned: !isDeleted && (state?.pinned ?? false),
    forwardedFrom: isDeleted ? null : body.forwardedFrom,
    system: body.system,
    createdAt: timeOf(entry.stamp),
    editedAt: state?.edit && !isDeleted ? timeOf(state.edit.at) : null,
    deletedAt: state?.deletion ? timeOf(state.deletion.at) : null,
    expiresAt: body.ttl === null ? null : timeOf(entry.stamp + body.ttl * 1_000_000),
    rev: state?.rev ?? entry.rev,
  }
}

/** When a message disappears, in microseconds since 1970; null for never. */
export function expiryOf({ payload, stamp }: Pick<LogEntry, 'payload' | 'stamp'>): number | null {
  // Most have none: looking costs less than parsing.
  if (!payload.includes('"ttl":')) return null
  const { ttl } = bodyOf(payload)
  return ttl === null ? null : stamp + ttl * 1_000_000
}

/** The seq of the thread's root that a message replies to; null outside of threads. */
export function rootSeqOf({ payload }: Pick<LogEntry, 'payload'>): Seq | null {
  if (!payload.includes('"threadRootId":')) return null
  const { threadRootId } = bodyOf(payload)
  return threadRootId === null ? null : seqOfMessageId(threadRootId)
}

const DAY_MS = 86_400_000
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
/** The day last asked for: a page is mostly of one or two. */
let lastDay = { n: Number.NaN, text: '' }

/** RFC 3339 UTC with milliseconds, of microseconds since 1970. */
export function timeOf(stamp: number): string {
  const ms = Math.floor(stamp / 1000)
  const n = Math.floor(ms / DAY_MS)
  if (n !== lastDay.n) lastDay = { n, text: new Date(n * DAY_MS).toISOString().split('T', 1)[0] ?? '' }
  const inDay = ms - n * DAY_MS
  const seconds = Math.floor(inDay / 1000)
  const hours = TWO_DIGITS[Math.floor(seconds / 3600)]
  const minutes = TWO_DIGITS[Math.floor(seconds / 60) % 60]
  return `${lastDay.text}T${hours}:${minutes}:${TWO_DIGITS[seconds % 60]}.${String(inDay % 1000).padStart(3, '0')}Z`
}

/** Whether a disappearing message is gone. */
export function isExpired({ expiresAt }: Pick<Message, 'expiresAt'>, nowMs: number): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= nowMs
}

type Preview = Pick<LogEntry, 'senderId' | 'operationId' | 'payload'> & { state?: string }

const PREVIEW_CONTENT_MAX = 200

/**
 * What is kept of the last message beside its conversation, its text cut; its place is kept apart.
 * @param body the payload's, where it is at hand: then it need not be parsed.
 */
export function previewOf(
  entry: Omit<Preview, 'state'>,
  state: MessageState | null = null,
  body: MessageBody | null = null,
): string {
  const { senderId, operationId } = entry
  const preview: Preview = { senderId, operationId, payload: cut(entry.payload, body) }
  if (state) preview.state = encodeState(cutState(state))
  return JSON.stringify(preview)
}

export function readPreview(text: string): Preview {
  return JSON.parse(text)
}

function cut(payload: string, given: MessageBody | null): string {
  if ((given?.content ?? payload).length <= PREVIEW_CONTENT_MAX) return payload
  const body = given ?? bodyOf(payload)
  return payloadOf({ ...body, content: excerpt(body.content, PREVIEW_CONTENT_MAX) })
}

function cutState(state: MessageState): MessageState {
  if (!state.edit) return state
  return { ...state, edit: { ...state.edit, content: excerpt(state.edit.content, PREVIEW_CONTENT_MAX) } }
}

/**
 * A state is written before the log has numbered its change: what is that change's own is left at 0, and is
 * the row's when it is read.
 */
export function encodeState(state: MessageState): string {
  return JSON.stringify({ ...state, rev: undefined })
}

export function decodeState(text: string, rev: Rev, stamp: number): MessageState {
  return numberedState(JSON.parse(text), rev, stamp)
}

export function numberedState(state: Omit<MessageState, 'rev'>, rev: Rev, stamp: number): MessageState {
  const { edit, deletion, pinned, reactions } = state
  return {
    rev,
    edit: edit && { ...edit, at: edit.at || stamp },
    deletion: deletion && { ...deletion, at: deletion.at || stamp },
    pinned,
    reactions,
  }
}
