import type cassandra from 'cassandra-driver'
import { unavailable } from '../../domain/errors.ts'
import type { ConversationId, Rev, Seq } from '../../domain/ids.ts'
import type { ArchiveRemover } from '../../service/retention/ports.ts'
import { bucketOf, bucketsBetween } from './archive-rows.ts'
import { partitionsEnding } from './receipt-spans.ts'

const MESSAGES = ['messages', 'message_edits', 'message_reactions'].map(
  (table) => `delete from ${table} where conversation_id = ? and bucket = ? and seq >= ? and seq <= ?`,
)
const CHANGES = 'delete from message_changes where conversation_id = ? and bucket = ? and rev <= ?'
const RECEIPTS = 'delete from message_receipts where conversation_id = ? and tier = ? and bucket = ?'
const ANY_CHANGE = 'select rev from message_changes where conversation_id = ? and bucket = ? limit 1'

/**
 * ArchiveRemover on Cassandra: one range tombstone for each table and partition. Numbers of replies stay, and times
 * of receipts until all messages of their partition are gone.
 */
export class CassandraArchiveRemover implements ArchiveRemover {
  readonly #client: cassandra.Client

  constructor(client: cassandra.Client) {
    this.#client = client
  }

  async removeMessages(conversationId: ConversationId, from: Seq, to: Seq): Promise<void> {
    for (const bucket of bucketsBetween(from, to)) {
      for (const statement of MESSAGES) {
        await this.#run(statement, [conversationId, bucket, BigInt(from), BigInt(to)])
      }
    }
    for (const { tier, bucket } of partitionsEnding(from, to)) {
      await this.#run(RECEIPTS, [conversationId, tier, BigInt(bucket)])
    }
  }

  /** Downwards, and no further than there are any: what is below was removed before. */
  async removeChanges(conversationId: ConversationId, upTo: Rev): Promise<void> {
    for (let bucket = bucketOf(upTo); bucket >= 0; bucket--) {
      const { rowLength } = await this.#run(ANY_CHANGE, [conversationId, bucket])
      if (rowLength === 0 && bucket < bucketOf(upTo)) return
      await this.#run(CHANGES, [conversationId, bucket, BigInt(upTo)])
    }
  }

  async #run(statement: string, values: unknown[]): Promise<cassandra.types.ResultSet> {
    try {
      return await this.#client.execute(statement, values, { isIdempotent: true })
    } catch (error) {
      throw unavailable('Cassandra', error)
    }
  }
}
