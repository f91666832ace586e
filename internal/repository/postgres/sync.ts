import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { SyncEnd, SyncStore } from '../../service/sync/ports.ts'
import { query } from './query.ts'

const ENDS = {
  name: 'sync-ends',
  text: `
    select h.conversation_id id, h.seq, h.rev, h.epoch || '.' || e.era epoch,
      exists (select 1 from hidden_messages y
        where y.user_id = $1 and y.conversation_id = x.id and y.rev >= h.rev) "hasHidden"
    from unnest($2::uuid[]) x(id)
    join conversation_members m on m.conversation_id = x.id and m.user_id = $1
    join heads h on h.conversation_id = x.id
    cross join cluster_era e`,
}

const OTHERS = {
  name: 'sync-others',
  text: `
    select m.conversation_id id
    from conversation_members m
    join heads h on h.conversation_id = m.conversation_id
    where m.user_id = $1 and m.conversation_id <> all ($2::uuid[])
    order by h.stamp desc, h.conversation_id desc limit $3`,
}

/** SyncStore on PostgreSQL. */
export class PostgresSync implements SyncStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async ends(userId: UserId, ids: readonly ConversationId[]): Promise<Map<ConversationId, SyncEnd>> {
    if (ids.length === 0) return new Map()
    const rows = await query<SyncEnd & { id: ConversationId }>(this.#pool, ENDS, [userId, ids])
    return new Map(rows.map(({ id, ...end }) => [id, end]))
  }

  async others(userId: UserId, except: readonly ConversationId[], limit: number): Promise<ConversationId[]> {
    const rows = await query<{ id: ConversationId }>(this.#pool, OTHERS, [userId, except, limit])
    return rows.map(({ id }) => id)
  }
}
