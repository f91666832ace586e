import { isChange } from '../../domain/change.ts'
import { laneOf } from '../../domain/ids.ts'
import type { ChangeItem, ChangeOutcome } from '../../service/message/ports.ts'
import type { ModelDatabase, ModelHead, ModelRow, Transaction } from './database.ts'

/** What the function `change_message` of the migrations does, in its steps. */
export async function changeRow(db: ModelDatabase, node: string, item: ChangeItem): Promise<ChangeOutcome> {
  await db.schedule.turn()
  const transaction = db.begin(node)
  try {
    await db.stall(transaction)
    if (db.rules.headLock) await db.lock(transaction, item.conversationId, true)
    const head = db.heads.get(item.conversationId)
    const refusal = refused(db, item, head)
    if (refusal || !head) return refusal ?? { status: 'gone' }
    const row = numbered(db, transaction, item, head)
    await db.stall(transaction)
    const { record } = row
    Object.assign(head, { rev: record.rev, stamp: record.stamp })
    if (item.kind === 'delete') erase(db, item)
    db.commit(transaction, [row])
    await db.answer()
    return {
      status: 'ok',
      rev: record.rev,
      headSeq: 'headSeq' in record ? record.headSeq : 0,
      stamp: record.stamp,
      era: record.era,
    }
  } finally {
    db.rollback(transaction)
  }
}

function refused(db: ModelDatabase, item: ChangeItem, head: ModelHead | undefined): ChangeOutcome | null {
  if (!head) return { status: 'gone' }
  if (head.memberVersion !== item.memberVersion) return { status: 'stale' }
  const isChanged = db.rows
    .get(item.conversationId)
    ?.some(
      ({ record }) => isChange(record) && record.targetSeq === item.targetSeq && record.rev > item.baseRev,
    )
  return isChanged && db.rules.baseRev ? { status: 'changed' } : null
}

function numbered(db: ModelDatabase, transaction: Transaction, item: ChangeItem, head: ModelHead): ModelRow {
  const { kind, conversationId, senderId, operationId, targetSeq, payload } = item
  return {
    lane: laneOf(conversationId),
    xid: db.xidOf(transaction),
    position: db.takePosition(),
    bodyHash: item.bodyHash.toString('hex'),
    record: {
      kind,
      conversationId,
      senderId,
      operationId,
      targetSeq,
      payload,
      rev: head.rev + 1,
      headSeq: head.seq,
      stamp: Math.max(db.schedule.nowMs * 1000, head.stamp + 1),
      era: 1,
    },
  }
}

/** In the log's older rows of the message. */
function erase(db: ModelDatabase, item: ChangeItem): void {
  const { state } = JSON.parse(item.payload)
  for (const { record } of db.rows.get(item.conversationId) ?? []) {
    if (!isChange(record)) {
      if (record.seq === item.targetSeq && item.blank !== null) record.payload = item.blank
    } else if (record.targetSeq === item.targetSeq) {
      record.payload = JSON.stringify({ ...JSON.parse(record.payload), state })
    }
  }
}
