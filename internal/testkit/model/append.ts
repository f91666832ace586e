import { isChange } from '../../domain/change.ts'
import { type ConversationId, laneOf } from '../../domain/ids.ts'
import type { AppendItem, AppendOutcome } from '../../service/message/ports.ts'
import type { ModelDatabase, ModelHead, ModelRow, Transaction } from './database.ts'

interface Batch {
  db: ModelDatabase
  transaction: Transaction
  /** As locked, then as numbered. */
  held: Map<ConversationId, ModelHead>
  rows: ModelRow[]
}

/** What the function `append` of the migrations does, in its steps. */
export async function appendRows(
  db: ModelDatabase,
  node: string,
  items: readonly AppendItem[],
  wait: boolean,
): Promise<AppendOutcome[]> {
  await db.schedule.turn()
  const transaction = db.begin(node)
  try {
    const batch: Batch = { db, transaction, held: new Map(), rows: [] }
    await db.stall(transaction)
    for (const id of [...new Set(items.map((item) => item.conversationId))].sort()) {
      if (!db.rules.headLock || (await db.lock(transaction, id, wait))) {
        const head = db.heads.get(id)
        if (head) batch.held.set(id, { ...head })
      }
    }
    const outcomes = number(batch, items)
    await db.stall(transaction)
    for (const [id, head] of batch.held) {
      const { seq, ordinal, stamp } = head
      const now = db.heads.get(id)
      if (now && batch.rows.some(({ record }) => record.conversationId === id)) {
        Object.assign(now, { seq, ordinal, stamp })
      }
    }
    db.commit(transaction, batch.rows)
    await db.answer()
    return outcomes
  } finally {
    db.rollback(transaction)
  }
}

function number(batch: Batch, items: readonly AppendItem[]): AppendOutcome[] {
  const known = items.map((item) => found(batch.db, item))
  const heldBack = new Map<ConversationId, AppendOutcome>()
  return items.map((item, index) => {
    const before = known[index]
    if (before) return before
    const { conversationId } = item
    const refusal = heldBack.get(conversationId) ?? refused(batch, items, index)
    if (!refusal) return added(batch, item)
    heldBack.set(conversationId, refusal)
    return refusal
  })
}

function refused({ db, held }: Batch, items: readonly AppendItem[], index: number): AppendOutcome | null {
  const item = items[index]
  const head = item && held.get(item.conversationId)
  if (!head) return { status: item && db.heads.has(item.conversationId) ? 'busy' : 'gone' }
  if (head.memberVersion !== item.memberVersion) return { status: 'stale' }
  const isRepeated = items.slice(0, index).some((other) => other.operationId === item.operationId)
  return isRepeated ? { status: 'busy' } : null
}

function found(db: ModelDatabase, item: AppendItem): AppendOutcome | null {
  if (!db.rules.dedupe) return null
  const row = db.rows.get(item.conversationId)?.find(({ record }) => record.operationId === item.operationId)
  if (!row || isChange(row.record)) return null
  const { seq, rev, ordinal, stamp, era } = row.record
  const isSame = row.bodyHash === item.bodyHash.toString('hex')
  return { status: isSame ? 'duplicate' : 'mismatch', seq, rev, ordinal, stamp, era }
}

function added({ db, transaction, held, rows }: Batch, item: AppendItem): AppendOutcome {
  const { conversationId, senderId, operationId, payload } = item
  const head = held.get(conversationId)
  if (!head) return { status: 'busy' }
  head.seq++
  head.ordinal++
  head.stamp = Math.max(db.schedule.nowMs * 1000, head.stamp + 1)
  const place = { seq: head.seq, rev: head.rev, ordinal: head.ordinal, stamp: head.stamp, era: 1 }
  rows.push({
    lane: laneOf(conversationId),
    xid: db.xidOf(transaction),
    position: db.takePosition(),
    bodyHash: item.bodyHash.toString('hex'),
    record: { conversationId, senderId, operationId, payload, state: null, ...place },
  })
  return { status: 'ok', ...place }
}
