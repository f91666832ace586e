import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import type pg from 'pg'
import { z } from 'zod'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresConversations } from './conversation.ts'
import { PostgresPreferences } from './conversation-preferences.ts'
import * as statements from './conversation-statements.ts'
import { createPool } from './database.ts'
import { PostgresInvites } from './invite.ts'
import { PostgresLiveStates } from './live-states.ts'
import { createLogPool } from './log-pool.ts'
import { Sql } from './sql.ts'

const USERS = 10_000
/** A group of everybody, and as many groups of one. */
let pool: pg.Pool
/** Plans of its own, which go by index whatever the tables hold. */
let logPool: pg.Pool
let large: ConversationId
let someone: UserId

beforeAll(async () => {
  const { url } = await testPostgres()
  pool = createPool({ url, max: 2, applicationName: 'test' })
  logPool = createLogPool(url, 'test', 2)
  await pool.query(`
    insert into users (id, username, display_name, public_id, created_at)
    select gen_random_uuid(), 'u' || substr(md5(n::text), 1, 20), 'U', substr(md5(n::text), 1, 12), now()
    from generate_series(1, ${USERS}) n;
    insert into conversations (id, kind, name, member_count, created_by)
    select gen_random_uuid(), 'group', 'small', 1, id from users;
    insert into conversations (id, kind, name, member_count, created_by)
    select gen_random_uuid(), 'group', 'large', ${USERS}, id from users limit 1;
    insert into heads (conversation_id, epoch, seq, preview, preview_seq, preview_stamp, preview_era)
    select id, 'e', 1, '{}', 1, 1, 1 from conversations;
    insert into conversation_members
      (conversation_id, user_id, role, joined_seq, delivered_seq, read_seq, read_ordinal)
    select id, created_by, 'owner', 0, 0, 0, 0 from conversations where name = 'small'
    union all
    select c.id, u.id, 'member', 0, 0, 0, 0 from conversations c, users u where c.name = 'large';
    insert into mentions (conversation_id, seq, user_id, sender_id)
    select c.id, row_number() over (), u.id, c.created_by from conversations c, users u where c.name = 'large'
    union all
    select c.id, n, null, c.created_by from conversations c, generate_series(1, 2) n;
    insert into blocks select id, lag(id) over (order by id), now() from users offset 1;
    insert into direct_pairs (low, high, conversation_id)
    select u.low, u.high, c.id
    from (select row_number() over () n, id low, lead(id) over (order by id) high from users) u
    join (select row_number() over () n, id from conversations) c using (n) where u.high is not null;
    insert into hidden_messages (user_id, conversation_id, seq, message_id, rev)
    select created_by, id, 1, gen_random_uuid(), 0 from conversations;
    insert into invites (code, conversation_id, created_by, created_at)
    select substr(md5(id::text), 1, 22), id, created_by, now() from conversations;
    insert into past_memberships (user_id, conversation_id, reason, ended_at)
    select u.id, c.id, 'left', now() from users u, conversations c where c.name = 'large';
    analyze`)
  large = (await pool.query(`select id from conversations where name = 'large'`)).rows[0].id
  someone = (await pool.query('select id from users limit 1')).rows[0].id
}, 60_000)

afterAll(() => Promise.all([pool.end(), logPool.end()]))

const recorded = z.object({ text: z.string(), values: z.array(z.unknown()) })

/** The plan that holds whatever the values: a statement is prepared once and used for long. */
async function planOf(text: string, values: readonly unknown[], on = pool): Promise<string> {
  const client = await on.connect()
  try {
    await client.query('set plan_cache_mode = force_generic_plan')
    await client.query(`prepare looked as ${text}`)
    const literals = values.map((value) => {
      if (value === null || value === undefined) return 'null'
      if (Array.isArray(value)) return client.escapeLiteral(`{${value.join(',')}}`)
      return client.escapeLiteral(value instanceof Date ? value.toISOString() : String(value))
    })
    const given = literals.length > 0 ? `(${literals.join(', ')})` : ''
    const explained = await client.query(`explain execute looked${given}`)
    return explained.rows.map((row) => row['QUERY PLAN']).join('\n')
  } finally {
    client.release(true)
  }
}

/** Of every statement that the work runs on the pool. */
async function plansOf(work: () => Promise<unknown>, on = pool): Promise<string> {
  const spy = jest.spyOn(on, 'query')
  try {
    await work()
    const statements = spy.mock.calls.map(([statement]) => recorded.parse(statement))
    const plans: string[] = []
    for (const { text, values } of statements) plans.push(await planOf(text, values, on))
    return plans.join('\n')
  } finally {
    spy.mockRestore()
  }
}

/** `cluster_era` has one row. */
function expectIndexed(plan: string): void {
  expect(plan).toContain('Index')
  expect(plan.replaceAll('Seq Scan on cluster_era', '')).not.toContain('Seq Scan')
}

describe('reading conversations', () => {
  const now = new Date()
  it.each<[string, (store: PostgresConversations) => Promise<unknown>]>([
    ['one', (store) => store.find(large, someone)],
    ['those of a user', (store) => store.list(someone, 50, null)],
    ['one for many', (store) => store.viewsFor(large, [someone])],
    ['who of many are members', (store) => store.membersAmong(large, [someone])],
    ['members by id', (store) => store.membersById(large, [someone])],
    ['what a user follows', (store) => store.memberships(someone)],
    ['invites', () => new PostgresInvites(new Sql(pool)).list(large)],
    ['an invite', () => new PostgresInvites(new Sql(pool)).find('x'.repeat(22))],
    ['revoking an invite', () => new PostgresInvites(new Sql(pool)).remove(large, 'x'.repeat(22))],
    ['preferences', () => new PostgresPreferences(new Sql(pool)).set(large, someone, { draft: 'x' })],
  ])('%s reads no table from end to end', async (_what, work) => {
    expectIndexed(await plansOf(() => work(new PostgresConversations(pool))))
  })

  it.each<[string, (states: PostgresLiveStates) => Promise<unknown>]>([
    ['receipts', (states) => states.receiptsSince([large], 5)],
    ['own places and preferences', (states) => states.ownSince([someone], 5)],
    ['who was blocked', (states) => states.blockedSince([someone], 5)],
    ['settings', (states) => states.settingsSince([someone], 5)],
  ])('%s that changed reads no table from end to end', async (_what, work) => {
    expectIndexed(await plansOf(() => work(new PostgresLiveStates(logPool)), logPool))
  })

  it('pages the members of a large group in their order, without sorting them', async () => {
    const store = new PostgresConversations(pool)
    const after = { joinedAt: now.toISOString(), userId: someone }
    for (const cursor of [null, after]) {
      const plan = await plansOf(() => store.members(large, someone, 50, cursor))
      expectIndexed(plan)
      expect(plan).toContain('conversation_members_by_joining')
      expect(plan).not.toContain('Sort')
    }
  })
})

// But for those that take every member of a group: in this test these are half of all there are.
const changing: Record<
  Exclude<keyof typeof statements, 'LOCK_ALL_MEMBERS' | 'REMEMBER_ALL' | 'REMEMBER_MEMBER'>,
  () => unknown[]
> = {
  LOCK_USERS: () => [[someone]],
  BLOCKERS: () => [someone, [someone]],
  LOCK_HEAD: () => [large],
  BUMP_HEAD: () => [large],
  SETTINGS: () => [large, someone],
  LOCK_MEMBERS: () => [large, [someone]],
  INVITE: () => [large, 'x'],
  WAS_REMOVED: () => [large, someone],
  INSERT_MEMBERS: () => [large, [someone], new Date(), 1, 1],
  COUNT_MEMBERS: () => [large, 1],
  USE_INVITE: () => ['x'],
  DELETE_MEMBER: () => [large, someone],
  SET_ROLES: () => [large, [someone], ['admin']],
  UPDATE_SETTINGS: () => [large, null, null, null, 'everyone', 'everyone', 'everyone', 'all', null],
  DELETE_CONVERSATION: () => [large],
}

describe('changing a conversation', () => {
  it.each(Object.entries(changing))('%s reads no table from end to end', async (name, values) => {
    const found = Object.entries(statements).find(([one]) => one === name)?.[1]
    if (!found) throw new Error(`no statement ${name}`)
    expectIndexed(await planOf(found.text, values()))
  })

  it('has an index for whatever a conversation takes along at its end', async () => {
    const { rows } = await pool.query(`
      select c.conrelid::regclass::text as table from pg_constraint c
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
      where c.contype = 'f' and c.confrelid = 'conversations'::regclass and not exists (
        select 1 from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = a.attnum)`)
    expect(rows).toEqual([])
  })
})
