import {
  type ChangeEntry,
  changeBodyOf,
  changePayloadOf,
  isChange,
  type LogRecord,
  stateAfter,
} from '../../domain/change.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { MessageState } from '../../domain/message.ts'

/** What an archive keeps of a row under one stamp. A null value is a deletion. */
export interface Cell {
  key: string
  stamp: number
  value: CellValue | null
}

export type CellValue =
  | { kind: 'message'; entry: LogEntry }
  | { kind: 'payload'; payload: string }
  | { kind: 'state'; state: MessageState }
  | { kind: 'change'; change: ChangeEntry }
  | { kind: 'edit'; content: string }
  | { kind: 'reaction' }
  /** Of all edits, or reactions, of a message up to this stamp. */
  | { kind: 'erased' }

/** Cells that become visible together: those of one row. */
export type CellRow = Cell[]

/** What the archive's adapters write for a record of the log. */
export function cellsOf(record: LogRecord): CellRow[] {
  return isChange(record) ? changeCells(record) : [messageCells(record)]
}

function messageCells(entry: LogEntry): CellRow {
  const { conversationId, seq, stamp, payload } = entry
  const of = `${conversationId} ${seq}`
  return [
    { key: `message ${of}`, stamp, value: { kind: 'message', entry } },
    { key: `payload ${of}`, stamp, value: { kind: 'payload', payload } },
  ]
}

function changeCells(change: ChangeEntry): CellRow[] {
  const { conversationId, targetSeq, rev, stamp, kind, senderId } = change
  const body = changeBodyOf(change)
  const state = stateAfter(change)
  const of = `${conversationId} ${targetSeq}`
  const reference = { ...change, payload: changePayloadOf(body, null) }
  const message: CellRow = [{ key: `state ${of}`, stamp, value: { kind: 'state', state } }]
  if (body.blank !== null) {
    message.push({ key: `payload ${of}`, stamp, value: { kind: 'payload', payload: body.blank } })
  }
  const rows: CellRow[] = [
    [{ key: `change ${conversationId} ${rev}`, stamp, value: { kind: 'change', change: reference } }],
    message,
  ]
  if (kind === 'edit' && state.edit) {
    rows.push([{ key: `edit ${of} ${stamp}`, stamp, value: { kind: 'edit', content: state.edit.content } }])
  }
  if (kind === 'reaction') {
    const key = `reaction ${of} ${body.emoji} ${senderId}`
    rows.push([{ key, stamp, value: body.added ? { kind: 'reaction' } : null }])
  }
  if (kind === 'delete') {
    rows.push([{ key: `erased-edits ${of}`, stamp, value: { kind: 'erased' } }])
    rows.push([{ key: `erased-reactions ${of}`, stamp, value: { kind: 'erased' } }])
  }
  return rows
}
