import type { StatsReader, StoredStats } from '../../service/admin/ports.ts'
import type { Queryable } from './sql.ts'

interface StatsRow {
  active: number
  suspended: number
  deleted: number
  new_today: number
  active_today: number
  sessions: number
  direct: number
  groups: number
  messages: number
  erasures: number
}

const STATS = `
  select u.*, s.*, c.*, h.*, e.*
  from
    (select count(*) filter (where status = 'active') active,
       count(*) filter (where status = 'suspended') suspended,
       count(*) filter (where status = 'deleted') deleted,
       count(*) filter (where created_at >= $1::timestamptz - interval '1 day') new_today
     from users) u,
    (select count(*) sessions,
       count(distinct user_id) filter (where last_seen_at >= $1::timestamptz - interval '1 day') active_today
     from sessions where ended_at is null and expires_at > $1) s,
    (select count(*) filter (where kind = 'direct') direct, count(*) filter (where kind = 'group') groups
     from conversations) c,
    (select coalesce(sum(seq), 0)::bigint messages from heads) h,
    (select count(*) erasures from erasures) e`

/** StatsReader on PostgreSQL. */
export class PostgresStats implements StatsReader {
  readonly #sql: Queryable

  constructor(sql: Queryable) {
    this.#sql = sql
  }

  async stats(now: Date): Promise<StoredStats> {
    const [row] = await this.#sql.query<StatsRow>(STATS, [now])
    if (!row) throw new Error('counting answered nothing')
    return {
      users: {
        active: row.active,
        suspended: row.suspended,
        deleted: row.deleted,
        newToday: row.new_today,
        activeToday: row.active_today,
      },
      sessions: row.sessions,
      conversations: { direct: row.direct, group: row.groups },
      messages: row.messages,
      erasures: row.erasures,
    }
  }
}
