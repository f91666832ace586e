import type cassandra from 'cassandra-driver'
import type { ChangeEntry, ChangeKind } from '../../domain/change.ts'
import type { ClientId, ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import { decodeState, type LogEntry } from '../../domain/log-entry.ts'

const BUCKET_SIZE = 2 ** 13

/** The partition of a seq, or of a rev. */
export function bucketOf(place: Seq | Rev): number {
  return Math.floor(place / BUCKET_SIZE)
}

export function bucketsBetween(from: Seq | Rev, to: Seq | Rev): number[] {
  const first = bucketOf(from)
  return Array.from({ length: Math.max(0, bucketOf(to) - first + 1) }, (_, n) => first + n)
}

const KINDS: readonly ChangeKind[] = ['edit', 'delete', 'reaction', 'pin']

export function codeOfKind(kind: ChangeKind): number {
  return KINDS.indexOf(kind)
}

/** Null for a row that holds the state of a message which has not come yet. */
export function entryOf(conversationId: ConversationId, row: cassandra.types.Row): LogEntry | null {
  if (row['sender_id'] === null) return null
  const state: string | null = row['state']
  return {
    conversationId,
    seq: Number(row['seq']),
    era: row['era'],
    rev: Number(row['rev']),
    ordinal: Number(row['ordinal']),
    stamp: Number(row['stamp']),
    senderId: String(row['sender_id']) as UserId,
    operationId: String(row['operation_id']) as ClientId,
    payload: row['payload'],
    state: state === null ? null : readState(state, Number(row['state_stamp'])),
  }
}

/** The rev stands before the state's JSON; its stamp is what it was written under. */
export function stateCell(rev: Rev, state: string): string {
  return `${rev} ${state}`
}

function readState(cell: string, stamp: number) {
  const end = cell.indexOf(' ')
  return decodeState(cell.slice(end + 1), Number(cell.slice(0, end)), stamp)
}

export function changeOf(conversationId: ConversationId, row: cassandra.types.Row): ChangeEntry {
  const kind = KINDS[row['kind']]
  if (!kind) throw new RangeError(`no kind of change has the code ${row['kind']}`)
  return {
    kind,
    conversationId,
    rev: Number(row['rev']),
    headSeq: Number(row['seq']),
    targetSeq: Number(row['target_seq']),
    era: row['era'],
    stamp: Number(row['stamp']),
    senderId: String(row['sender_id']) as UserId,
    operationId: String(row['operation_id']) as ClientId,
    payload: row['payload'],
  }
}
