import type { Insertable } from 'kysely'
import type pg from 'pg'
import type { OutboxWriter } from '../../notifier/ports.ts'
import type { OutboxEntry, OutboxReader } from '../../service/notification/ports.ts'
import { db, rowsOf, run } from './statement.ts'
import type { DeveloperOutboxTable } from './tables.ts'

export class PostgresDeveloperOutbox implements OutboxWriter, OutboxReader {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async add(entries: readonly Omit<OutboxEntry, 'id'>[], keep: number): Promise<void> {
    if (entries.length === 0) return
    await run(this.#pool, 'developer_outbox_add', insertion(entries))
    const trim = db
      .deleteFrom('developer_outbox')
      .where('id', '<=', (eb) =>
        eb.selectFrom('developer_outbox').select(({ eb: of, fn }) => of(fn.max('id'), '-', keep).as('last')),
      )
    await run(this.#pool, 'developer_outbox_trim', trim)
  }

  async newest(limit: number): Promise<OutboxEntry[]> {
    const newest = db
      .selectFrom('developer_outbox')
      .select(['id', 'channel', 'user_id as userId', 'recipient', 'title', 'body', 'payload'])
      .select('created_at as createdAt')
      .orderBy('id', 'desc')
      .limit(limit)
    const rows = await run(this.#pool, 'developer_outbox_newest', newest)
    return rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() }))
  }
}

function insertion(entries: readonly Omit<OutboxEntry, 'id'>[]) {
  const rows = rowsOf<Insertable<DeveloperOutboxTable>, 'added'>('added', {
    channel: ['text', entries.map(({ channel }) => channel)],
    user_id: ['uuid', entries.map(({ userId }) => userId)],
    recipient: ['text', entries.map(({ recipient }) => recipient)],
    title: ['text', entries.map(({ title }) => title)],
    body: ['text', entries.map(({ body }) => body)],
    payload: ['jsonb', entries.map(({ payload }) => JSON.stringify(payload))],
    created_at: ['timestamptz', entries.map(({ createdAt }) => createdAt)],
  })
  const columns = ['channel', 'user_id', 'recipient', 'title', 'body', 'payload', 'created_at'] as const
  return db.insertInto('developer_outbox').columns(columns).expression(db.selectFrom(rows).select(columns))
}
