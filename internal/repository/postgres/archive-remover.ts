import type { ConversationId, Rev, Seq } from '../../domain/ids.ts'
import type { ArchiveRemover } from '../../service/retention/ports.ts'
import type { Sql } from './sql.ts'

const TABLES = [
  'archived_messages',
  'archived_edits',
  'archived_reactions',
  'archived_replies',
  'message_receipts',
]
const MESSAGES = TABLES.map(
  (table) => `delete from ${table} where conversation_id = $1 and seq between $2 and $3`,
)

/** ArchiveRemover on PostgreSQL, for the standalone server. */
export class PostgresArchiveRemover implements ArchiveRemover {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async removeMessages(conversationId: ConversationId, from: Seq, to: Seq): Promise<void> {
    for (const statement of MESSAGES) await this.#sql.query(statement, [conversationId, from, to])
  }

  async removeChanges(conversationId: ConversationId, upTo: Rev): Promise<void> {
    await this.#sql.query('delete from archived_changes where conversation_id = $1 and rev <= $2', [
      conversationId,
      upTo,
    ])
  }
}
