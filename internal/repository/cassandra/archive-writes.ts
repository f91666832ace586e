import { type ChangeEntry, changeBodyOf, changePayloadOf, stateAfter } from '../../domain/change.ts'
import { encodeState, expiryOf, type LogEntry, rootSeqOf } from '../../domain/log-entry.ts'
import { bucketOf, codeOfKind, stateCell } from './archive-rows.ts'

export interface Write {
  query: string
  params: unknown[]
}

/** Writes of one partition of one table. */
export type PartitionWrites = Write[]

/** Rows of one partition in one unlogged batch; above that a batch is slower than two (measured). */
const BATCH_MAX = 40

// A TTL of 0 is for ever.
const LIFE = 'using timestamp ? and ttl ?'

const INSERT_MESSAGE = `insert into messages
  (conversation_id, bucket, seq, era, rev, ordinal, stamp, sender_id, operation_id, payload)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ${LIFE}`
const INSERT_REPLY = `insert into thread_replies (conversation_id, root_seq, seq) values (?, ?, ?) ${LIFE}`
const WHERE_MESSAGE = 'where conversation_id = ? and bucket = ? and seq = ?'
const PUT_STATE = `update messages ${LIFE} set state = ? ${WHERE_MESSAGE} and era = ?`
const ERASE = `update messages ${LIFE} set state = ?, payload = ? ${WHERE_MESSAGE} and era = ?`
const INSERT_CHANGE = `insert into message_changes
  (conversation_id, bucket, rev, era, kind, seq, target_seq, stamp, sender_id, operation_id, payload)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) using timestamp ?`
const INSERT_EDIT = `insert into message_edits (conversation_id, bucket, seq, stamp, content)
  values (?, ?, ?, ?, ?) ${LIFE}`
const INSERT_REACTION = `insert into message_reactions (conversation_id, bucket, seq, emoji, user_id)
  values (?, ?, ?, ?, ?) ${LIFE}`
const DELETE_REACTION = `delete from message_reactions using timestamp ? ${WHERE_MESSAGE} and emoji = ? and user_id = ?`
const ERASE_EDITS = `delete from message_edits using timestamp ? ${WHERE_MESSAGE}`
const ERASE_REACTIONS = `delete from message_reactions using timestamp ? ${WHERE_MESSAGE}`

/** All under the rows' stamps: again, late or in another order gives the same. */
export function messageWrites(entries: readonly LogEntry[], nowUs: number): PartitionWrites[] {
  const writes = new Batches()
  for (const entry of entries) {
    const ttl = remaining(expiryOf(entry), nowUs)
    if (ttl === null) continue
    const { conversationId, seq, stamp } = entry
    const bucket = bucketOf(seq)
    writes.add(`m ${conversationId} ${bucket}`, INSERT_MESSAGE, [
      conversationId,
      bucket,
      BigInt(seq),
      entry.era,
      BigInt(entry.rev),
      BigInt(entry.ordinal),
      BigInt(stamp),
      entry.senderId,
      entry.operationId,
      entry.payload,
      BigInt(stamp),
      ttl,
    ])
    const rootSeq = rootSeqOf(entry)
    if (rootSeq === null) continue
    const reply = [conversationId, BigInt(rootSeq), BigInt(seq), BigInt(stamp), ttl]
    writes.add(`t ${conversationId} ${rootSeq}`, INSERT_REPLY, reply)
  }
  return writes.all
}

export function changeWrites(changes: readonly ChangeEntry[], nowUs: number): PartitionWrites[] {
  const writes = new Batches()
  for (const change of changes) {
    addReference(writes, change)
    const ttl = remaining(changeBodyOf(change).expires, nowUs)
    if (ttl !== null) addState(writes, change, ttl)
  }
  return writes.all
}

function addReference(writes: Batches, change: ChangeEntry): void {
  const { conversationId, rev, stamp } = change
  const bucket = bucketOf(rev)
  writes.add(`c ${conversationId} ${bucket}`, INSERT_CHANGE, [
    conversationId,
    bucket,
    BigInt(rev),
    change.era,
    codeOfKind(change.kind),
    BigInt(change.headSeq),
    BigInt(change.targetSeq),
    BigInt(stamp),
    change.senderId,
    change.operationId,
    // Without what the message was then: once it is deleted, nothing of it may be found here.
    changePayloadOf(changeBodyOf(change), null),
    BigInt(stamp),
  ])
}

function addState(writes: Batches, change: ChangeEntry, ttl: number): void {
  const { conversationId, targetSeq } = change
  const { era, emoji, added, blank } = changeBodyOf(change)
  const state = stateAfter(change)
  const bucket = bucketOf(targetSeq)
  const of = `${conversationId} ${bucket}`
  const stamp = BigInt(change.stamp)
  const place = [conversationId, bucket, BigInt(targetSeq)]
  const cell = stateCell(change.rev, encodeState(state))
  if (blank === null) writes.add(`m ${of}`, PUT_STATE, [stamp, ttl, cell, ...place, era])
  else writes.add(`m ${of}`, ERASE, [stamp, ttl, cell, blank, ...place, era])
  if (change.kind === 'edit' && state.edit) {
    writes.add(`e ${of}`, INSERT_EDIT, [...place, stamp, state.edit.content, stamp, ttl])
  }
  if (change.kind === 'reaction' && added) {
    writes.add(`r ${of}`, INSERT_REACTION, [...place, emoji, change.senderId, stamp, ttl])
  }
  if (change.kind === 'reaction' && !added) {
    writes.add(`r ${of}`, DELETE_REACTION, [stamp, ...place, emoji, change.senderId])
  }
  if (change.kind === 'delete') {
    writes.add(`e ${of}`, ERASE_EDITS, [stamp, ...place])
    writes.add(`r ${of}`, ERASE_REACTIONS, [stamp, ...place])
  }
}

/** Seconds left, 0 for ever; null when it is over. */
function remaining(expires: number | null, nowUs: number): number | null {
  if (expires === null) return 0
  const seconds = Math.ceil((expires - nowUs) / 1_000_000)
  return seconds > 0 ? seconds : null
}

/** Collects writes into batches that each hold rows of a single partition. */
class Batches {
  readonly #open = new Map<string, PartitionWrites>()
  readonly all: PartitionWrites[] = []

  add(partition: string, query: string, params: unknown[]): void {
    let batch = this.#open.get(partition)
    if (!batch || batch.length >= BATCH_MAX) {
      batch = []
      this.#open.set(partition, batch)
      this.all.push(batch)
    }
    batch.push({ query, params })
  }
}
