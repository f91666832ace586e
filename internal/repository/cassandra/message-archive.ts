import type cassandra from 'cassandra-driver'
import { type ChangeEntry, isChange, type LogRecord } from '../../domain/change.ts'
import { unavailable } from '../../domain/errors.ts'
import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import { EDITS_MAX, type MessageArchive, type RepliesRange } from '../../service/message/ports.ts'
import { newestEraChanges, newestEras } from '../newest-eras.ts'
import { bucketOf, bucketsBetween, changeOf, entryOf } from './archive-rows.ts'
import { changeWrites, messageWrites, type PartitionWrites } from './archive-writes.ts'

const BATCHES_IN_FLIGHT = 32

const MESSAGE = `select seq, era, rev, ordinal, stamp, sender_id, operation_id, payload, state,
  writetime(state) as state_stamp from messages where conversation_id = ? and bucket = ?`
const RANGE = `${MESSAGE} and seq >= ? and seq <= ?`
const ENTRIES = `${MESSAGE} and seq in ?`
const CHANGES = `select rev, era, kind, seq, target_seq, stamp, sender_id, operation_id, payload
  from message_changes where conversation_id = ? and bucket = ? and rev >= ? and rev <= ?`
const EDITS = `select content, stamp from message_edits where conversation_id = ? and bucket = ? and seq = ?
  order by seq asc, stamp desc limit ${EDITS_MAX}`
const REACTORS = `select user_id from message_reactions
  where conversation_id = ? and bucket = ? and seq = ? and emoji = ? limit ?`
const REACTED_BY = `select seq, emoji from message_reactions
  where conversation_id = ? and bucket = ? and seq in ? and emoji in ? and user_id = ?`
const REPLIES_AFTER = `select seq from thread_replies
  where conversation_id = ? and root_seq = ? and seq > ? order by seq asc limit ?`
const REPLIES_BEFORE = `select seq from thread_replies
  where conversation_id = ? and root_seq = ? and seq < ? order by seq desc limit ?`

/** MessageArchive and ArchiveWriter on Cassandra: LOCAL_QUORUM both ways, pure idempotent writes. */
export class CassandraMessageArchive implements MessageArchive, ArchiveWriter {
  readonly #client: cassandra.Client

  constructor(client: cassandra.Client) {
    this.#client = client
  }

  async write(records: readonly LogRecord[]): Promise<void> {
    const nowUs = Date.now() * 1000
    const messages = records.flatMap((record) => (isChange(record) ? [] : record))
    await this.#writeAll(messageWrites(messages, nowUs))
    await this.#writeAll(changeWrites(records.filter(isChange), nowUs))
  }

  async range(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    const buckets = bucketsBetween(from, to)
    const rows = await this.#read(
      buckets.map((bucket) => [RANGE, [conversationId, bucket, BigInt(from), BigInt(to)]]),
    )
    return newestEras(rows.flatMap((row) => entryOf(conversationId, row) ?? []))
  }

  async entries(conversationId: ConversationId, seqs: readonly Seq[]): Promise<LogEntry[]> {
    const rows = await this.#read(
      [...Map.groupBy(seqs, bucketOf)].map(([bucket, of]) => [
        ENTRIES,
        [conversationId, bucket, of.map(BigInt)],
      ]),
    )
    return newestEras(rows.flatMap((row) => entryOf(conversationId, row) ?? []))
  }

  async changes(conversationId: ConversationId, from: Rev, to: Rev): Promise<ChangeEntry[]> {
    const rows = await this.#read(
      bucketsBetween(from, to).map((bucket) => [CHANGES, [conversationId, bucket, BigInt(from), BigInt(to)]]),
    )
    return newestEraChanges(rows.map((row) => changeOf(conversationId, row)))
  }

  async edits(conversationId: ConversationId, seq: Seq): Promise<{ content: string; stamp: number }[]> {
    const rows = await this.#read([[EDITS, [conversationId, bucketOf(seq), BigInt(seq)]]])
    return rows.map((row) => ({ content: row['content'], stamp: Number(row['stamp']) })).reverse()
  }

  async replies(conversationId: ConversationId, range: RepliesRange): Promise<Seq[]> {
    const { rootSeq, anchor, seq, limit } = range
    const statement = anchor === 'after' ? REPLIES_AFTER : REPLIES_BEFORE
    const rows = await this.#read([[statement, [conversationId, BigInt(rootSeq), BigInt(seq), limit]]])
    return rows.map((row) => Number(row['seq'])).sort((a, b) => a - b)
  }

  async reactors(conversationId: ConversationId, seq: Seq, emoji: string, limit: number): Promise<UserId[]> {
    const place = [conversationId, bucketOf(seq), BigInt(seq), emoji, limit]
    return (await this.#read([[REACTORS, place]])).map((row) => String(row['user_id']) as UserId)
  }

  async reactedBy(
    conversationId: ConversationId,
    userId: UserId,
    reactions: readonly { seq: Seq; emoji: string }[],
  ): Promise<{ seq: Seq; emoji: string }[]> {
    const rows = await this.#read(
      [...Map.groupBy(reactions, ({ seq }) => bucketOf(seq))].map(([bucket, of]) => [
        REACTED_BY,
        [
          conversationId,
          bucket,
          [...new Set(of.map(({ seq }) => seq))].map(BigInt),
          [...new Set(of.map(({ emoji }) => emoji))],
          userId,
        ],
      ]),
    )
    const asked = new Set(reactions.map(({ seq, emoji }) => `${seq} ${emoji}`))
    return rows
      .map((row) => ({ seq: Number(row['seq']), emoji: String(row['emoji']) }))
      .filter(({ seq, emoji }) => asked.has(`${seq} ${emoji}`))
  }

  async #read(queries: [statement: string, parameters: unknown[]][]): Promise<cassandra.types.Row[]> {
    try {
      const results = await Promise.all(queries.map(([text, values]) => this.#client.execute(text, values)))
      return results.flatMap((result) => result.rows)
    } catch (error) {
      throw unavailable('Cassandra', error)
    }
  }

  async #writeAll(writes: readonly PartitionWrites[]): Promise<void> {
    let next = 0
    const worker = async () => {
      for (let write = writes[next++]; write; write = writes[next++]) await this.#writeOne(write)
    }
    try {
      await Promise.all(Array.from({ length: Math.min(BATCHES_IN_FLIGHT, writes.length) }, worker))
    } catch (error) {
      throw unavailable('Cassandra', error)
    }
  }

  async #writeOne(writes: PartitionWrites): Promise<void> {
    const [first] = writes
    if (writes.length === 1 && first) await this.#client.execute(first.query, first.params)
    else await this.#client.batch(writes, { logged: false, prepare: true, isIdempotent: true })
  }
}
