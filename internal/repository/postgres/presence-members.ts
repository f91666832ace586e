import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { PresenceMembers } from '../../service/presence/ports.ts'
import { query } from './query.ts'

const MEMBER_IDS = {
  name: 'presence-member-ids',
  text: `
    select user_id from conversation_members
    where conversation_id = $1 and ($2::uuid is null or user_id > $2) order by user_id limit $3`,
}

const SEEN = {
  name: 'presence-seen',
  text: `
    update users set last_seen_at = greatest(last_seen_at, $2) where id = $1 and deleted_at is null
    returning hide_last_seen`,
}

/** PresenceMembers on PostgreSQL. */
export class PostgresPresenceMembers implements PresenceMembers {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async memberIds(id: ConversationId, after: UserId | null, limit: number): Promise<UserId[]> {
    const rows = await query<{ user_id: UserId }>(this.#pool, MEMBER_IDS, [id, after, limit])
    return rows.map((row) => row.user_id)
  }

  async seen(userId: UserId, at: string): Promise<boolean> {
    const rows = await query<{ hide_last_seen: boolean }>(this.#pool, SEEN, [userId, at])
    return rows[0]?.hide_last_seen ?? true
  }
}
