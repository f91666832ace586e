import type { Preferences } from '../../domain/conversation.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { PreferencesRepository } from '../../service/conversation/ports.ts'
import type { Sql } from './sql.ts'

const SET = `
  update conversation_members m set
    muted_until = case when $3 then $4 else m.muted_until end,
    notify = coalesce($5, m.notify),
    pinned = coalesce($6, m.pinned),
    archived = coalesce($7, m.archived),
    draft = case when $8 then $9 else m.draft end,
    preferences_xid = pg_current_xact_id()::text::bigint
  where m.conversation_id = $1 and m.user_id = $2
  returning m.muted_until "mutedUntil", m.notify, m.pinned, m.archived, m.draft`

/** PreferencesRepository on PostgreSQL. */
export class PostgresPreferences implements PreferencesRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async set(
    id: ConversationId,
    userId: UserId,
    { mutedUntil, notify, pinned, archived, draft }: Partial<Preferences>,
  ): Promise<Preferences | null> {
    interface Row extends Omit<Preferences, 'mutedUntil'> {
      mutedUntil: Date | null
    }
    const [row] = await this.#sql.query<Row>(SET, [
      ...[id, userId, mutedUntil !== undefined, mutedUntil ? new Date(mutedUntil) : null],
      ...[notify, pinned, archived, draft !== undefined, draft],
    ])
    return row ? { ...row, mutedUntil: row.mutedUntil?.toISOString() ?? null } : null
  }
}
