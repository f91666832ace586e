import type { ClientId, ConversationId, MessageId, Rev, Seq, UserId } from './ids.ts'
import { encodeState, type LogEntry, numberedState, timeOf } from './log-entry.ts'
import type { Message, MessageState } from './message.ts'

/** What can happen to a message after it was sent. */
export type ChangeKind = 'edit' | 'delete' | 'reaction' | 'pin'

/** One change as clients pull it: what happened, and the message as it is now. */
export interface Change {
  rev: Rev
  kind: ChangeKind
  messageId: MessageId
  seq: Seq
  /** Null when the asker may not see it (any more). */
  message: Message | null
}

/** A committed change, as live delivery tells of it. */
export interface AppliedChange {
  conversationId: ConversationId
  kind: ChangeKind
  rev: Rev
  /** The conversation's last seq when this was committed: seq + rev numbers messages and changes as one. */
  headSeq: Seq
  actorId: UserId
  /** RFC 3339 UTC with milliseconds. */
  at: string
  /** Reactions only. */
  emoji: string | null
  /** False when a reaction or pin was taken away. */
  added: boolean
  message: Message
}

/** One change as the log numbered it. */
export interface ChangeEntry {
  kind: ChangeKind
  conversationId: ConversationId
  rev: Rev
  headSeq: Seq
  targetSeq: Seq
  era: number
  /** Microseconds since 1970. */
  stamp: number
  senderId: UserId
  operationId: ClientId
  /** JSON of a ChangeBody. */
  payload: string
}

/** A row of the log. */
export type LogRecord = LogEntry | ChangeEntry

export function isChange(record: LogRecord): record is ChangeEntry {
  return 'kind' in record
}

/** What happened, as stored in a change's payload; the log's rows also hold the message's state after it. */
export interface ChangeBody {
  messageId: MessageId
  authorId: UserId
  /** Era of the message changed. */
  era: number
  emoji: string | null
  added: boolean
  /** What is left of a deleted message's own row; null for other kinds. */
  blank: string | null
  /** When the message disappears, in microseconds since 1970; null for never. */
  expires: number | null
}

export function changePayloadOf(body: ChangeBody, state: MessageState | null): string {
  const text = JSON.stringify(body)
  return state ? `${text.slice(0, -1)},"state":${encodeState(state)}}` : text
}

export function changeBodyOf({ payload }: Pick<ChangeEntry, 'payload'>): ChangeBody {
  const { messageId, authorId, era, emoji, added, blank, expires } = JSON.parse(payload)
  return { messageId, authorId, era, emoji, added, blank, expires }
}

/** Of a row of the log, which has it. */
export function stateAfter({ payload, rev, stamp }: ChangeEntry): MessageState {
  return numberedState(JSON.parse(payload).state, rev, stamp)
}

export function appliedChangeOf(entry: ChangeEntry, message: Message): AppliedChange {
  const { emoji, added } = changeBodyOf(entry)
  const { conversationId, kind, rev, headSeq, senderId, stamp } = entry
  return {
    conversationId,
    kind,
    rev,
    headSeq,
    actorId: senderId,
    at: timeOf(stamp),
    emoji,
    added,
    message,
  }
}
