import { describe, expect, it } from '@jest/globals'
import type { InsertType, SelectType } from 'kysely'
import { z } from 'zod'
import { testPostgres } from '../../testkit/services.ts'
import { createPool } from './database.ts'
import { query } from './query.ts'
import type { Tables } from './tables.ts'

type SqlType<T> = T extends string
  ? 'uuid' | 'text'
  : T extends number
    ? 'integer' | 'bigint'
    : T extends boolean
      ? 'boolean'
      : T extends Date
        ? 'timestamp with time zone'
        : T extends Buffer
          ? 'bytea'
          : 'jsonb'

type Nullable<T> = null extends T ? `${SqlType<NonNullable<T>>} null` : SqlType<T>
type Described<Select, Insert> = undefined extends Insert ? `${Nullable<Select>} default` : Nullable<Select>

/** Follows from the interfaces by type, and is compared with the database: neither can err alone. */
const tables: {
  [T in keyof Tables]: {
    [C in keyof Tables[T]]: Described<SelectType<Tables[T][C]>, InsertType<Tables[T][C]>>
  }
} = {
  cluster_era: { era: 'integer' },
  conversation_members: {
    conversation_id: 'uuid',
    user_id: 'uuid',
    role: 'text',
    joined_at: 'timestamp with time zone default',
    joined_seq: 'bigint',
    delivered_seq: 'bigint',
    read_seq: 'bigint',
    read_ordinal: 'bigint',
    muted_until: 'timestamp with time zone null',
    notify: 'text default',
    pinned: 'boolean default',
    archived: 'boolean default',
    draft: 'text null',
    preferences_xid: 'bigint null',
  },
  conversations: {
    id: 'uuid',
    kind: 'text',
    name: 'text null',
    description: 'text null',
    avatar_url: 'text null',
    post_policy: 'text default',
    invite_policy: 'text default',
    info_policy: 'text default',
    history_visibility: 'text default',
    message_ttl: 'integer null',
    member_count: 'integer',
    created_by: 'uuid',
    created_at: 'timestamp with time zone default',
  },
  developer_outbox: {
    id: 'bigint default',
    channel: 'text',
    user_id: 'uuid',
    recipient: 'text',
    title: 'text',
    body: 'text',
    payload: 'jsonb',
    created_at: 'timestamp with time zone',
  },
  direct_pairs: { low: 'uuid', high: 'uuid', conversation_id: 'uuid' },
  heads: {
    conversation_id: 'uuid',
    epoch: 'text',
    seq: 'bigint default',
    rev: 'bigint default',
    ordinal: 'bigint default',
    stamp: 'bigint default',
    member_version: 'bigint default',
    preview: 'text null',
    preview_seq: 'bigint null',
    preview_stamp: 'bigint null',
    preview_era: 'integer null',
    preview_rev: 'bigint default',
    preview_changed: 'bigint null',
  },
  push_tokens: {
    id: 'uuid',
    user_id: 'uuid',
    session_id: 'uuid null',
    platform: 'text',
    device_name: 'text null',
    token: 'text',
    token_hash: 'bytea',
    created_at: 'timestamp with time zone',
    updated_at: 'timestamp with time zone',
    notify: 'text default',
    previews: 'boolean default',
  },
  sessions: { id: 'uuid', user_id: 'uuid', ended_at: 'timestamp with time zone null' },
  users: { id: 'uuid', display_name: 'text', status: 'text default' },
}

/** What statements built from the interfaces insert into: there no column may be missing. */
const INSERTED = ['developer_outbox', 'push_tokens'] as const

const COLUMNS = {
  name: 'columns',
  text: `
    select table_name as table, column_name as column,
      data_type || case is_nullable when 'YES' then ' null' else '' end ||
        case when column_default is not null or is_identity = 'YES' then ' default' else '' end as type
    from information_schema.columns where table_schema = 'public' order by ordinal_position`,
}

const columnSchema = z.object({ table: z.string(), column: z.string(), type: z.string() })

async function migrated(): Promise<Record<string, Record<string, string>>> {
  const pool = createPool({ ...(await testPostgres()), max: 1, applicationName: 'test' })
  const rows = z.array(columnSchema).parse(await query(pool, COLUMNS, []))
  await pool.end()
  const found: Record<string, Record<string, string>> = {}
  for (const { table, column, type } of rows) found[table] = { ...found[table], [column]: type }
  return found
}

describe('the table types', () => {
  it('are those of the migrated database', async () => {
    const found = await migrated()
    expect(found).toMatchObject(tables)
    for (const table of INSERTED) expect(found[table]).toEqual(tables[table])
  })
})
