import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { Erasure, ErasureQueue } from '../../service/account/ports.ts'
import type { Sql } from './sql.ts'

interface ErasureRow {
  user_id: UserId
  conversation_id: ConversationId
  departed: boolean
  after_seq: Seq
}

const CLAIM = `
  update erasures set until = now() + $1 * interval '1 ms'
  where (user_id, conversation_id) = (
    select user_id, conversation_id from erasures where until <= now()
    order by until, requested_at limit 1 for update skip locked)
  returning user_id, conversation_id, departed, after_seq`

const POSTPONE = `
  update erasures set failures = failures + 1, after_seq = greatest(after_seq, $3),
    until = now() + least(10 * 2 ^ least(failures, 8), 1800) * interval '1 s'
  where user_id = $1 and conversation_id = $2`

// By a statement of its own: what waited for another's erasure is seen as that left it only by the next one.
const LOCK_TRACES = `
  select count(*) from (
    select from notification_traces where users @> array[$1::uuid] and conversation_id = $2 for update) t`

// Of everybody's page the others' part stays; pages of nobody else go.
const FORGET_TRACES = `
  with gone as (
    delete from notification_traces where users = array[$1::uuid] and conversation_id = $2)
  update notification_traces set users = array_remove(users, $1::uuid), decisions = decisions - $1::text
  where users @> array[$1::uuid] and conversation_id = $2 and cardinality(users) > 1`

const FORGET_DRAFT = `
  update conversation_members set draft = null where user_id = $1 and conversation_id = $2 and draft is not null`

/** ErasureQueue on PostgreSQL: claims skip what others hold, and a dead worker's are free when its lease ends. */
export class PostgresErasures implements ErasureQueue {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async claim(leaseMs: number): Promise<Erasure | null> {
    const [row] = await this.#sql.query<ErasureRow>(CLAIM, [leaseMs])
    if (!row) return null
    const { user_id: userId, conversation_id: conversationId, departed, after_seq: afterSeq } = row
    return { userId, conversationId, departed, afterSeq }
  }

  async depart({ userId, conversationId }: Erasure): Promise<void> {
    // Whoever died between the account's end and this left nodes with what they remembered.
    await this.#sql.query('update heads set member_version = member_version + 1 where conversation_id = $1', [
      conversationId,
    ])
    await this.#sql.query('update erasures set departed = true where user_id = $1 and conversation_id = $2', [
      userId,
      conversationId,
    ])
  }

  async progress({ userId, conversationId }: Erasure, afterSeq: Seq): Promise<void> {
    await this.#sql.query(
      `update erasures set after_seq = greatest(after_seq, $3), failures = 0, until = now()
       where user_id = $1 and conversation_id = $2`,
      [userId, conversationId, afterSeq],
    )
  }

  finish({ userId, conversationId }: Erasure): Promise<void> {
    return this.#sql.transaction(async (sql) => {
      const key = [userId, conversationId]
      await sql.query(FORGET_DRAFT, key)
      await sql.query(LOCK_TRACES, key)
      await sql.query(FORGET_TRACES, key)
      await sql.query('delete from past_memberships where user_id = $1 and conversation_id = $2', key)
      await sql.query('delete from erasures where user_id = $1 and conversation_id = $2', key)
    })
  }

  async postpone({ userId, conversationId }: Erasure, afterSeq: Seq): Promise<void> {
    await this.#sql.query(POSTPONE, [userId, conversationId, afterSeq])
  }
}
