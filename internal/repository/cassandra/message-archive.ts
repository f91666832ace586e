import type cassandra from 'cassandra-driver'
import { unavailable } from '../../domain/errors.ts'
import type { ClientId, ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import type { MessageArchive } from '../../service/message/ports.ts'
import { newestEras } from '../newest-eras.ts'

const BUCKET_SEQS = 2 ** 13
/** Rows of one partition in one unlogged batch; above that a batch is slower than two (measured). */
const BATCH_MAX = 40
const BATCHES_IN_FLIGHT = 32

const INSERT = `insert into messages
  (conversation_id, bucket, seq, era, rev, ordinal, stamp, sender_id, operation_id, payload)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) using timestamp ?`
const SELECT = `select seq, era, rev, ordinal, stamp, sender_id, operation_id, payload from messages
  where conversation_id = ? and bucket = ? and seq >= ? and seq <= ?`

function bucketOf(seq: Seq): number {
  return Math.floor(seq / BUCKET_SEQS)
}

/** MessageArchive and ArchiveWriter on Cassandra: LOCAL_QUORUM both ways, pure idempotent writes. */
export class CassandraMessageArchive implements MessageArchive, ArchiveWriter {
  readonly #client: cassandra.Client

  constructor(client: cassandra.Client) {
    this.#client = client
  }

  async write(entries: readonly LogEntry[]): Promise<void> {
    const batches = batchesByPartition(entries)
    let next = 0
    const worker = async () => {
      for (let batch = batches[next++]; batch; batch = batches[next++]) await this.#writeBatch(batch)
    }
    try {
      await Promise.all(Array.from({ length: Math.min(BATCHES_IN_FLIGHT, batches.length) }, worker))
    } catch (error) {
      throw unavailable('Cassandra', error)
    }
  }

  async range(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    const buckets: number[] = []
    for (let bucket = bucketOf(from); bucket <= bucketOf(to); bucket++) buckets.push(bucket)
    try {
      const results = await Promise.all(
        buckets.map((bucket) =>
          this.#client.execute(SELECT, [conversationId, bucket, BigInt(from), BigInt(to)]),
        ),
      )
      const rows = results.flatMap((result) => result.rows.map((row) => entryOf(conversationId, row)))
      return newestEras(rows)
    } catch (error) {
      throw unavailable('Cassandra', error)
    }
  }

  async #writeBatch(batch: LogEntry[]): Promise<void> {
    const [first] = batch
    if (batch.length === 1 && first) await this.#client.execute(INSERT, parametersOf(first))
    else {
      const queries = batch.map((entry) => ({ query: INSERT, params: parametersOf(entry) }))
      await this.#client.batch(queries, { logged: false, prepare: true, isIdempotent: true })
    }
  }
}

/** Batches that each hold rows of a single partition. */
function batchesByPartition(entries: readonly LogEntry[]): LogEntry[][] {
  const open = new Map<string, LogEntry[]>()
  const batches: LogEntry[][] = []
  for (const entry of entries) {
    const partition = `${entry.conversationId}/${bucketOf(entry.seq)}`
    let batch = open.get(partition)
    if (!batch || batch.length >= BATCH_MAX) {
      batch = []
      open.set(partition, batch)
      batches.push(batch)
    }
    batch.push(entry)
  }
  return batches
}

function parametersOf(entry: LogEntry): unknown[] {
  return [
    entry.conversationId,
    bucketOf(entry.seq),
    BigInt(entry.seq),
    entry.era,
    BigInt(entry.rev),
    BigInt(entry.ordinal),
    BigInt(entry.stamp),
    entry.senderId,
    entry.operationId,
    entry.payload,
    BigInt(entry.stamp),
  ]
}

function entryOf(conversationId: ConversationId, row: cassandra.types.Row): LogEntry {
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
  }
}
