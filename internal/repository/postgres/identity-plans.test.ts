import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { type SessionId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresAdmin } from './admin.ts'
import { PostgresAuditReader } from './audit-reader.ts'
import { PostgresBlocks } from './block.ts'
import { createPool } from './database.ts'
import { PostgresPersonalTokens } from './personal-token.ts'
import { PostgresSessions } from './session.ts'
import { Sql } from './sql.ts'
import { PostgresUsers } from './user.ts'

const USERS = 20_000
let pool: pg.Pool
let someone: UserId

/** Records each statement that passes, with its values. */
class Recording extends Sql {
  readonly statements: { text: string; values: readonly unknown[] }[] = []

  override query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
    this.statements.push({ text, values })
    return super.query<Row>(text, values)
  }
}

beforeAll(async () => {
  pool = createPool({ url: (await testPostgres()).url, max: 2, applicationName: 'test' })
  await pool.query(`
    insert into users (id, username, display_name, public_id, created_at)
    select gen_random_uuid(), 'u' || substr(md5(n::text), 1, 20), 'U', substr(md5(n::text), 1, 12), now()
    from generate_series(1, ${USERS}) n;
    insert into identities (user_id, kind, value, value_key, verified_at, created_at)
    select id, 'email', username || '@a.example', username || '@a.example', now(), now() from users;
    insert into credentials (user_id, password_hash, changed_at)
    select id, '$argon2id$', now() from users;
    insert into sessions (id, user_id, device_name, address, created_at, last_seen_at, expires_at)
    select gen_random_uuid(), id, 'd', '1.1.1.1', now(), now(), now() + interval '1 day' from users;
    insert into personal_tokens (id, user_id, name, token_hash, scopes, created_at)
    select gen_random_uuid(), id, 't', sha256(convert_to(username, 'UTF8')), '{profile}', now() from users;
    insert into blocks select id, lag(id) over (order by id), now() from users offset 1;
    insert into audit_log (id, at, action, outcome, actor_id, previous_hash, hash)
    select row_number() over (), now(), 'auth.sign_in', 'success', id, sha256('x'), sha256(convert_to(username, 'UTF8'))
    from users;
    analyze`)
  someone = (await pool.query('select id from users limit 1')).rows[0].id
}, 60_000)

afterAll(() => pool.end())

/** The plan that holds whatever the values: a statement is prepared once and used for long. */
async function planOf(work: (sql: Recording) => Promise<unknown>): Promise<string> {
  const sql = new Recording(pool)
  await work(sql)
  const client = await pool.connect()
  try {
    const plans: string[] = []
    for (const { text, values } of sql.statements) {
      await client.query('set plan_cache_mode = force_generic_plan')
      await client.query(`prepare looked as ${text}`)
      const literals = values.map((value) =>
        Array.isArray(value)
          ? client.escapeLiteral(`{${value.join(',')}}`)
          : value === null
            ? 'null'
            : client.escapeLiteral(value instanceof Date ? value.toISOString() : String(value)),
      )
      const explained = await client.query(`explain execute looked(${literals.join(', ')})`)
      plans.push(...explained.rows.map((row) => row['QUERY PLAN']))
      await client.query('deallocate looked')
    }
    return plans.join('\n')
  } finally {
    client.release(true)
  }
}

describe('lists of identity', () => {
  const before = uuidv7<UserId>()
  const none = {
    actorId: null,
    action: null,
    target: null,
    outcome: null,
    from: null,
    to: null,
    before: null,
  }

  it.each<[string, (sql: Sql) => Promise<unknown>]>([
    [
      'user search',
      (sql) =>
        new PostgresUsers(sql).search({
          usernamePrefix: 'u1',
          email: 'a@a.example',
          phone: null,
          publicId: 'x',
          after: null,
          limit: 20,
        }),
    ],
    ['users by id', (sql) => new PostgresUsers(sql).byIds([someone])],
    ['sessions', (sql) => new PostgresSessions(sql).listLive(someone, new Date())],
    ['ended sessions', (sql) => new PostgresSessions(sql).endedSince(new Date())],
    ['lapsed sessions', (sql) => new PostgresSessions(sql).lapsed([uuidv7<SessionId>()], new Date())],
    ['known addresses', (sql) => new PostgresSessions(sql).knowsAddress(someone, '1.1.1.1')],
    [
      'known devices',
      (sql) => new PostgresSessions(sql).knowsDevice(someone, { name: 'd', address: '1.1.1.1' }),
    ],
    ['personal tokens', (sql) => new PostgresPersonalTokens(sql).list(someone, new Date())],
    ['blocks', (sql) => new PostgresBlocks(sql).list(someone, null, 50)],
    ['blocks among', (sql) => new PostgresBlocks(sql).among(someone, [someone])],
    [
      'all users',
      (sql) =>
        new PostgresAdmin(sql).list({ usernamePrefix: null, status: null, role: null, before, limit: 50 }),
    ],
    ['audit', (sql) => new PostgresAuditReader(sql).list({ ...none, limit: 50 })],
    [
      'audit of an actor',
      (sql) => new PostgresAuditReader(sql).list({ ...none, actorId: someone, limit: 50 }),
    ],
    ['audit of a target', (sql) => new PostgresAuditReader(sql).list({ ...none, target: 'x', limit: 50 })],
  ])('%s reads no table from end to end', async (_what, work) => {
    const plan = await planOf(work)
    expect(plan).toContain('Index')
    expect(plan).not.toContain('Seq Scan')
  })
})
