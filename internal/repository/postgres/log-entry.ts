import { type ChangeEntry, type ChangeKind, stateAfter } from '../../domain/change.ts'
import type { ClientId, ConversationId, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { MessageState } from '../../domain/message.ts'

export interface LogRow {
  conversation_id: string
  seq: number
  rev: number
  era: number
  ordinal: number
  stamp: number
  sender_id: string
  operation_id: string
  payload: string
}

/** The columns of a LogRow in `log` and in the archive's tables, which name them alike. */
export const LOG_ROW_COLUMNS =
  'l.conversation_id, l.seq, l.rev, l.era, l.ordinal, l.stamp, l.sender_id, l.operation_id, l.payload'

export function entryOf(row: LogRow): LogEntry {
  return {
    conversationId: row.conversation_id as ConversationId,
    seq: row.seq,
    rev: row.rev,
    era: row.era,
    ordinal: row.ordinal,
    stamp: row.stamp,
    senderId: row.sender_id as UserId,
    operationId: row.operation_id as ClientId,
    payload: row.payload,
    state: null,
  }
}

/** `kind` of a message's row in the log. */
export const MESSAGE_KIND = 1

const CHANGE_KINDS: Record<ChangeKind, number> = { edit: 2, delete: 3, reaction: 4, pin: 5 }
const KINDS_BY_CODE = new Map(Object.entries(CHANGE_KINDS).map(([kind, code]) => [code, kind as ChangeKind]))

export function codeOfKind(kind: ChangeKind): number {
  return CHANGE_KINDS[kind]
}

/** @throws RangeError for a code that this version does not know. */
export function kindOfCode(code: number): ChangeKind {
  const kind = KINDS_BY_CODE.get(code)
  if (!kind) throw new RangeError(`no kind of change has the code ${code}`)
  return kind
}

export interface ChangeRow extends LogRow {
  kind: number
  target_seq: number
}

export const CHANGE_ROW_COLUMNS =
  'l.conversation_id, l.kind, l.seq, l.target_seq, l.rev, l.era, l.stamp, l.sender_id, l.operation_id, l.payload'

export function changeOf(row: Omit<ChangeRow, 'ordinal'>): ChangeEntry {
  return {
    kind: kindOfCode(row.kind),
    conversationId: row.conversation_id as ConversationId,
    rev: row.rev,
    headSeq: row.seq,
    targetSeq: row.target_seq,
    era: row.era,
    stamp: row.stamp,
    senderId: row.sender_id as UserId,
    operationId: row.operation_id as ClientId,
    payload: row.payload,
  }
}

/** The state that a change left: all that is needed of its row. */
export function stateOf(row: Omit<ChangeRow, 'ordinal'>): MessageState {
  return stateAfter(changeOf(row))
}
