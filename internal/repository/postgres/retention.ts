import type { ConversationKind } from '../../domain/conversation.ts'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { Candidate, Floor, Purge, RetentionStore } from '../../service/retention/ports.ts'
import type { Queryable, Sql } from './sql.ts'

const MEMBERS_AT_ONCE = 500

// One round goes through all conversations and ends with a pause; the row's lock makes parallel callers take turns.
const TURN = 'select after_conversation after from retention_runs where until <= now() for update skip locked'
const NEXT = `
  select h.conversation_id "conversationId", c.kind, h.first_seq "firstSeq", h.seq, h.rev, h.ordinal, h.stamp
  from heads h join conversations c on c.id = h.conversation_id
  where ($1::uuid is null or h.conversation_id > $1)
    and (c.kind = 'direct' and c.created_at < $2::timestamptz
      or c.kind = 'group' and c.created_at < $3::timestamptz)
  order by h.conversation_id limit $4`
const GO_ON = 'update retention_runs set after_conversation = $1'
const END_ROUND = `
  update retention_runs set after_conversation = null, until = now() + $1 * interval '1 ms'`

const RAISE = `
  update heads set first_seq = $2,
    preview = case when preview_seq < $2 then null else preview end,
    preview_stamp = case when preview_seq < $2 then null else preview_stamp end,
    preview_era = case when preview_seq < $2 then null else preview_era end,
    preview_seq = case when preview_seq < $2 then null else preview_seq end
  where conversation_id = $1 and first_seq < $2 returning first_seq`
const ORDER_PURGE = `
  insert into purges (conversation_id, up_to, up_to_rev, until) values ($1, $2, $3, now())
  on conflict (conversation_id) do update set up_to = greatest(purges.up_to, excluded.up_to),
    up_to_rev = greatest(purges.up_to_rev, excluded.up_to_rev)`
const FORGET = ['mentions', 'pins', 'hidden_messages'].map(
  (table) => `delete from ${table} where conversation_id = $1 and seq < $2`,
)
// In order, as every writer of several members, so that two cannot deadlock.
const READ_UP_TO = `
  with behind as (
    select user_id from conversation_members
    where conversation_id = $1 and read_seq < $2 order by user_id limit ${MEMBERS_AT_ONCE} for update)
  update conversation_members m set read_seq = $2, read_ordinal = greatest(m.read_ordinal, $3),
    delivered_seq = greatest(m.delivered_seq, $2)
  from behind b where m.conversation_id = $1 and m.user_id = b.user_id returning m.user_id`

const CLAIM = `
  update purges set until = now() + $1 * interval '1 ms'
  where conversation_id = (
    select conversation_id from purges where until <= now() order by until limit 1 for update skip locked)
  returning conversation_id "conversationId", after_seq "afterSeq", up_to "upTo", up_to_rev "upToRev"`
const POSTPONE = `
  update purges set failures = failures + 1,
    until = now() + least(10 * 2 ^ least(failures, 8), 1800) * interval '1 s'
  where conversation_id = $1`

/** RetentionStore on PostgreSQL. */
export class PostgresRetention implements RetentionStore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  next(
    cutoffs: Partial<Record<ConversationKind, Date>>,
    limit: number,
    everyMs: number,
  ): Promise<Candidate[] | null> {
    return this.#sql.transaction(async (sql) => {
      const [turn] = await sql.query<{ after: ConversationId | null }>(TURN)
      if (!turn) return null
      const values = [turn.after, cutoffs.direct ?? null, cutoffs.group ?? null, limit]
      const candidates = await sql.query<Candidate>(NEXT, values)
      const last = candidates.at(-1)
      if (last && candidates.length === limit) await sql.query(GO_ON, [last.conversationId])
      else await sql.query(END_ROUND, [everyMs])
      return candidates
    })
  }

  async raise({ conversationId, firstSeq, rev, ordinal }: Floor): Promise<void> {
    await this.#sql.transaction(async (sql) => {
      const raised = await sql.query<{ first_seq: Seq }>(RAISE, [conversationId, firstSeq])
      if (raised.length === 0) return
      await sql.query(ORDER_PURGE, [conversationId, firstSeq - 1, rev])
      for (const statement of FORGET) await sql.query(statement, [conversationId, firstSeq])
      await readUpTo(sql, conversationId, firstSeq - 1, ordinal)
    })
    let more = true
    while (more) more = await readUpTo(this.#sql, conversationId, firstSeq - 1, ordinal)
  }

  async claim(leaseMs: number): Promise<Purge | null> {
    const [row] = await this.#sql.query<Purge>(CLAIM, [leaseMs])
    return row ?? null
  }

  async purged({ conversationId }: Purge, afterSeq: Seq): Promise<void> {
    const done = `delete from purges where conversation_id = $1 and up_to <= $2 returning 1`
    const rows = await this.#sql.query(done, [conversationId, afterSeq])
    if (rows.length > 0) return
    await this.#sql.query(
      `update purges set after_seq = greatest(after_seq, $2), failures = 0, until = now()
       where conversation_id = $1`,
      [conversationId, afterSeq],
    )
  }

  async postpone({ conversationId }: Purge): Promise<void> {
    await this.#sql.query(POSTPONE, [conversationId])
  }
}

/** What is gone is nobody's to read; true when there may be more members behind. */
async function readUpTo(
  sql: Queryable,
  conversationId: ConversationId,
  seq: Seq,
  ordinal: number,
): Promise<boolean> {
  const moved = await sql.query<{ user_id: UserId }>(READ_UP_TO, [conversationId, seq, ordinal])
  return moved.length === MEMBERS_AT_ONCE
}
