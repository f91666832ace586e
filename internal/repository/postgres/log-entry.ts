import type { ClientId, ConversationId, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'

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
  }
}
