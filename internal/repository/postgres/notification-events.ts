import type pg from 'pg'
import type { EventReader, Happening } from '../../notifier/ports.ts'
import { query } from './query.ts'

/**
 * Kinds of the log's rows: 3 deletes a message, 4 is a reaction. Where nothing was changed since, which is nearly
 * always, the head's rev says so and the log's days are not looked through.
 */
const SINCE = {
  name: 'notification_since',
  text: `
    select
      c.changed and exists (select 1 from log l where l.conversation_id = a.conversation_id
        and l.target_seq = a.seq and l.kind = 3 and l.day >= a.day) as deleted,
      c.changed and exists (select 1 from log l where l.conversation_id = a.conversation_id
        and l.target_seq = a.seq and l.kind = 4 and l.sender_id = a.reactor_id and l.rev > a.rev
        and l.day >= a.day) as withdrawn
    from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::date[]) with ordinality
      a(conversation_id, seq, rev, reactor_id, day, place)
    left join heads h on h.conversation_id = a.conversation_id
    cross join lateral (select coalesce(h.rev > a.rev, false) changed) c
    order by a.place`,
}

// The root's author is in the log while it is young, in standalone in the archive beside it. Who is gone, or
// whose conversation is, is passed over.
const FOLLOW = {
  name: 'notification_follow',
  text: `
    with asked as (
      select distinct * from unnest($1::uuid[], $2::bigint[], $3::uuid[]) a(conversation_id, root_seq, user_id)
    ), authors as (
      select a.conversation_id, a.root_seq, l.sender_id as user_id from asked a
      join log l on l.conversation_id = a.conversation_id and l.seq = a.root_seq and l.kind = 1
      union
      select a.conversation_id, a.root_seq, m.sender_id from asked a
      join archived_messages m on m.conversation_id = a.conversation_id and m.seq = a.root_seq
      union
      select conversation_id, root_seq, user_id from asked
    )
    insert into thread_followers (conversation_id, root_seq, user_id)
    select conversation_id, root_seq, user_id from authors
    where exists (select 1 from users u where u.id = user_id)
      and exists (select 1 from conversations c where c.id = conversation_id)
    order by conversation_id, root_seq, user_id
    on conflict do nothing`,
}

/** On the log's connections: its plans must not be those of an empty day. */
export class PostgresEventReader implements EventReader {
  readonly #pool: pg.Pool

  constructor(logPool: pg.Pool) {
    this.#pool = logPool
  }

  async since(happenings: readonly Happening[]): Promise<{ deleted: boolean; withdrawn: boolean }[]> {
    if (happenings.length === 0) return []
    return query(this.#pool, SINCE, [
      happenings.map(({ conversationId }) => conversationId),
      happenings.map(({ seq }) => seq),
      happenings.map(({ rev }) => rev),
      happenings.map(({ reactorId }) => reactorId),
      happenings.map(({ day }) => day),
    ])
  }

  async followThreads(replies: Parameters<EventReader['followThreads']>[0]): Promise<void> {
    if (replies.length === 0) return
    await query(this.#pool, FOLLOW, [
      replies.map(({ conversationId }) => conversationId),
      replies.map(({ rootSeq }) => rootSeq),
      replies.map(({ userId }) => userId),
    ])
  }
}
