import type { UserId } from '../../domain/ids.ts'
import type { DigestItem, DigestQueue, DigestSettlement, TakenDigest } from '../../notifier/digest/ports.ts'
import type { DigestEntry, DigestStore } from '../../notifier/ports.ts'
import { MAILS_PER_DAY } from './email-limits.ts'
import { REFUSED_UPSERT, refusalOf } from './email-recipients.ts'
import type { Queryable, Sql } from './sql.ts'

// The update locks a digest that collects: nobody takes it before what joins it is there.
const NOTE = `
  with asked as (
    select distinct on (user_id, conversation_id, seq) *
    from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::date[], $5::text[], $6::timestamptz[])
      i (user_id, conversation_id, seq, day, event_id, due_at)
    where exists (select 1 from users u where u.id = i.user_id)
      and exists (select 1 from conversations c where c.id = i.conversation_id)
      and not exists (select 1 from email_digest_entries e where e.user_id = i.user_id
        and e.conversation_id = i.conversation_id and e.seq = i.seq)
    order by user_id, conversation_id, seq, due_at
  ), collecting as (
    insert into email_digests as d (id, user_id, state, created_at, turn_at)
    select gen_random_uuid(), user_id, 'open', clock_timestamp(), min(due_at) from asked
    group by user_id order by user_id
    on conflict (user_id) where state = 'open' do update set turn_at = d.turn_at
    returning id, user_id
  )
  insert into email_digest_entries (user_id, conversation_id, seq, digest_id, day, event_id)
  select a.user_id, a.conversation_id, a.seq, c.id, a.day, a.event_id
  from asked a join collecting c on c.user_id = a.user_id
  order by 1, 2, 3
  on conflict do nothing`

const TAKE = `
  with due as (
    select d.id, d.state = 'sending' lost, d.repeated
    from email_digests d
    left join email_recipients r on r.user_id = d.user_id
    left join notification_settings s on s.user_id = d.user_id
    where d.turn_at <= $1
      and not exists (select 1 from email_digests o where o.user_id = d.user_id and o.turn_at is not null
        and (o.created_at, o.id) < (d.created_at, d.id))
      and (d.state <> 'open' or r.user_id is null or (
        (r.day is distinct from ($1::timestamptz at time zone 'UTC')::date or r.mails < ${MAILS_PER_DAY})
        and (r.digest_at is null
          or r.digest_at + make_interval(secs => coalesce(s.email_delay, 900)) <= $1)))
    order by d.turn_at limit $3
    for update of d skip locked
  )
  update email_digests d
  set state = 'taken', turn_at = $2, takes = d.takes + 1, repeated = d.repeated or due.lost
  from due where d.id = due.id
  returning d.id, d.user_id as "userId", d.takes, d.attempt, due.lost, due.repeated`

const ITEMS = `
  select conversation_id as "conversationId", seq, day::text, event_id as "eventId" from email_digest_entries
  where digest_id = $1 and ($2::uuid is null or (conversation_id, seq) > ($2, $3))
  order by conversation_id, seq limit $4`

const BEGIN = `
  update email_digests set state = 'sending', turn_at = $3
  where id = $1 and takes = $2 and state = 'taken' returning 1`

const SETTLE = `
  update email_digests
  set state = $3, turn_at = $4, settled_at = $5, reason = $6, attempt = attempt + $7, repeated = repeated or $8
  where id = $1 and takes = $2 and state in ('taken', 'sending')
  returning user_id`

const SENT = `
  insert into email_recipients as r (user_id, day, mails, digest_at)
  values ($1, ($2::timestamptz at time zone 'UTC')::date, 1, $2)
  on conflict (user_id) do update set day = excluded.day, digest_at = excluded.digest_at, refusals = 0,
    mails = case when r.day = excluded.day then r.mails + 1 else 1 end`

const PRUNE = `
  delete from email_digests where id = any (array(
    select id from email_digests where settled_at < $1 order by settled_at limit $2 for update skip locked))
  returning 1`

/** Digests of mail: what is noted, and whose turn it is. */
export class PostgresDigests implements DigestStore, DigestQueue {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async note(entries: readonly DigestEntry[]): Promise<void> {
    if (entries.length === 0) return
    await this.#sql.query(NOTE, [
      entries.map(({ userId }) => userId),
      entries.map(({ conversationId }) => conversationId),
      entries.map(({ seq }) => seq),
      entries.map(({ day }) => day),
      entries.map(({ eventId }) => eventId),
      entries.map(({ dueAtMs }) => new Date(dueAtMs)),
    ])
  }

  take(nowMs: number, leaseMs: number, limit: number): Promise<TakenDigest[]> {
    return this.#sql.query<TakenDigest>(TAKE, [new Date(nowMs), new Date(nowMs + leaseMs), limit])
  }

  items(digestId: string, after: Parameters<DigestQueue['items']>[1], limit: number): Promise<DigestItem[]> {
    return this.#sql.query(ITEMS, [digestId, after?.conversationId ?? null, after?.seq ?? null, limit])
  }

  async begin({ id, takes }: TakenDigest, untilMs: number): Promise<boolean> {
    return (await this.#sql.query(BEGIN, [id, takes, new Date(untilMs)])).length > 0
  }

  async settle(digest: TakenDigest, settlement: DigestSettlement, nowMs: number): Promise<void> {
    await this.#sql.transaction(async (sql) => {
      const rows = await sql.query<{ user_id: UserId }>(SETTLE, columnsOf(digest, settlement, nowMs))
      if (rows.length > 0) await account(sql, digest.userId, settlement, nowMs)
    })
  }

  async prune(beforeMs: number, limit: number): Promise<number> {
    return (await this.#sql.query(PRUNE, [new Date(beforeMs), limit])).length
  }
}

/** What is remembered of the one who was to get it. */
async function account(sql: Queryable, userId: UserId, settlement: DigestSettlement, nowMs: number) {
  if (settlement.kind === 'sent') await sql.query(SENT, [userId, new Date(nowMs)])
  if (settlement.kind === 'failed' && settlement.refusedAddress !== null) {
    await sql.query(REFUSED_UPSERT, refusalOf(userId, settlement.refusedAddress, nowMs))
  }
}

function columnsOf({ id, takes }: TakenDigest, settlement: DigestSettlement, nowMs: number): unknown[] {
  const { kind } = settlement
  const again = kind === 'waiting' || kind === 'returned'
  return [
    id,
    takes,
    kind === 'returned' ? 'waiting' : kind,
    again ? new Date(settlement.turnMs) : null,
    again ? null : new Date(nowMs),
    kind === 'returned' ? null : settlement.reason,
    kind === 'waiting' ? 1 : 0,
    kind === 'waiting' && settlement.repeated,
  ]
}
