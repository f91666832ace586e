import type pg from 'pg'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { ShownWriter } from '../../notifier/ports.ts'
import type { ShownStore } from '../../service/notification/ports.ts'
import { query } from './query.ts'

const NOTE = {
  name: 'notification_shown',
  text: `
    insert into notifications_shown as s (user_id, conversation_id, seq, at)
    select user_id, conversation_id, max(seq), now()
    from unnest($1::uuid[], $2::uuid[], $3::bigint[]) i (user_id, conversation_id, seq)
    where exists (select 1 from conversation_members m
      where m.conversation_id = i.conversation_id and m.user_id = i.user_id)
    group by 1, 2 order by 1, 2
    on conflict (user_id, conversation_id) do update set seq = greatest(s.seq, excluded.seq), at = now()`,
}

const FORGET = {
  name: 'notification_shown_prune',
  text: `
    delete from notifications_shown where ctid = any (array(
      select ctid from notifications_shown where at < $1 order by at limit $2 for update skip locked))
    returning 1`,
}

const READ = {
  name: 'notification_shown_read',
  text: `
    select s.conversation_id as "conversationId", s.user_id as "userId", s.seq
    from unnest($1::uuid[], $2::uuid[], $3::bigint[]) i (conversation_id, user_id, read_seq)
    join notifications_shown s on s.user_id = i.user_id and s.conversation_id = i.conversation_id
      and s.seq <= i.read_seq`,
}

const CLEAR = {
  name: 'notification_shown_clear',
  text: `
    delete from notifications_shown s
    using unnest($1::uuid[], $2::uuid[], $3::bigint[]) i (conversation_id, user_id, seq)
    where s.user_id = i.user_id and s.conversation_id = i.conversation_id and s.seq = i.seq`,
}

type Shown = { conversationId: ConversationId; userId: UserId; seq: Seq }

/** What users' devices may be showing. */
export class PostgresShownStore implements ShownWriter, ShownStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async note(shown: Parameters<ShownWriter['note']>[0]): Promise<void> {
    if (shown.length === 0) return
    await query(this.#pool, NOTE, [
      shown.map(({ userId }) => userId),
      shown.map(({ conversationId }) => conversationId),
      shown.map(({ seq }) => seq),
    ])
  }

  readUpTo(moves: Parameters<ShownStore['readUpTo']>[0]): Promise<Shown[]> {
    return query(this.#pool, READ, [
      moves.map(({ conversationId }) => conversationId),
      moves.map(({ userId }) => userId),
      moves.map(({ readSeq }) => readSeq),
    ])
  }

  async forget(shown: readonly Shown[]): Promise<void> {
    if (shown.length === 0) return
    await query(this.#pool, CLEAR, [
      shown.map(({ conversationId }) => conversationId),
      shown.map(({ userId }) => userId),
      shown.map(({ seq }) => seq),
    ])
  }

  async prune(beforeMs: number, limit: number): Promise<number> {
    return (await query(this.#pool, FORGET, [new Date(beforeMs), limit])).length
  }
}
