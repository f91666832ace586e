import type pg from 'pg'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { PassedAt, PointerPassed, ReceiptHistory, ReceiptKind } from '../../service/receipt/ports.ts'
import { query } from './query.ts'

const INSERT = {
  name: 'receipts-insert',
  text: `
    insert into message_receipts (conversation_id, user_id, kind, from_seq, seq, passed_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[])
    on conflict do nothing`,
}

const FIND = {
  name: 'receipts-find',
  text: `
    select u.user_id "userId", k.kind, r.passed_at "at"
    from unnest($3::uuid[]) u(user_id)
    cross join (values (1::smallint), (2::smallint)) k(kind)
    cross join lateral (
      select r.from_seq, r.passed_at from message_receipts r
      where r.conversation_id = $1 and r.user_id = u.user_id and r.kind = k.kind and r.seq >= $2
      order by r.seq limit 1) r
    where r.from_seq < $2`,
}

const CODES: Record<ReceiptKind, number> = { delivered: 1, read: 2 }

/** ReceiptHistory on PostgreSQL, for the standalone server. */
export class PostgresReceiptHistory implements ReceiptHistory {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async write(passed: readonly PointerPassed[]): Promise<void> {
    await query(this.#pool, INSERT, [
      passed.map((one) => one.conversationId),
      passed.map((one) => one.userId),
      passed.map((one) => CODES[one.kind]),
      passed.map((one) => one.from),
      passed.map((one) => one.to),
      passed.map((one) => one.at),
    ])
  }

  async find(conversationId: ConversationId, seq: Seq, userIds: readonly UserId[]): Promise<PassedAt[]> {
    const rows = await query<{ userId: UserId; kind: number; at: number }>(this.#pool, FIND, [
      conversationId,
      seq,
      userIds,
    ])
    return rows.map((row) => ({ ...row, kind: row.kind === CODES.read ? 'read' : 'delivered' }))
  }
}
