import type pg from 'pg'
import type { UserId } from '../../domain/ids.ts'
import type { OutboxWriter } from '../../notifier/ports.ts'
import type { OutboxEntry, OutboxReader } from '../../service/notification/ports.ts'
import { query } from './query.ts'

const ADD = {
  name: 'developer_outbox_add',
  text: `
    insert into developer_outbox (channel, user_id, recipient, title, body, payload, created_at)
    select *
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[],
      $7::timestamptz[])`,
}

const NEWEST = {
  name: 'developer_outbox_newest',
  text: `
    select id, channel, user_id, recipient, title, body, payload, created_at
    from developer_outbox order by id desc limit $1`,
}

const TRIM = {
  name: 'developer_outbox_trim',
  text: 'delete from developer_outbox where id <= (select max(id) from developer_outbox) - $1',
}

interface OutboxRow {
  id: number
  channel: OutboxEntry['channel']
  user_id: UserId
  recipient: string
  title: string
  body: string
  payload: unknown
  created_at: Date
}

export class PostgresDeveloperOutbox implements OutboxWriter, OutboxReader {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async add(entries: readonly Omit<OutboxEntry, 'id'>[], keep: number): Promise<void> {
    if (entries.length === 0) return
    await query(this.#pool, ADD, [
      entries.map(({ channel }) => channel),
      entries.map(({ userId }) => userId),
      entries.map(({ recipient }) => recipient),
      entries.map(({ title }) => title),
      entries.map(({ body }) => body),
      entries.map(({ payload }) => JSON.stringify(payload)),
      entries.map(({ createdAt }) => createdAt),
    ])
    await query(this.#pool, TRIM, [keep])
  }

  async newest(limit: number): Promise<OutboxEntry[]> {
    const rows = await query<OutboxRow>(this.#pool, NEWEST, [limit])
    return rows.map(({ user_id: userId, created_at: createdAt, ...row }) => ({
      ...row,
      userId,
      createdAt: createdAt.toISOString(),
    }))
  }
}
