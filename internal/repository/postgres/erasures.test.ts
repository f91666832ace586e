import { afterAll, beforeAll, expect, it } from '@jest/globals'
import pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Erasure } from '../../service/account/ports.ts'
import { eventually } from '../../testkit/eventually.ts'
import { createGroup, testPool } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresErasures } from './erasures.ts'
import { PostgresTraceWriter } from './notification-traces.ts'
import { Sql } from './sql.ts'

let url: string
let pool: pg.Pool
let erasures: PostgresErasures

beforeAll(async () => {
  url = (await testPostgres()).url
  pool = testPool(url)
  erasures = new PostgresErasures(new Sql(pool))
})
afterAll(() => pool.end())

const erasureOf = (userId: UserId, conversationId: ConversationId): Erasure => ({
  userId,
  conversationId,
  departed: true,
  afterSeq: 0,
})

async function trace(conversationId: ConversationId, seq: number, userIds: readonly UserId[]): Promise<void> {
  const users = userIds.map((userId) => ({ userId, entries: [] }))
  const atMs = Date.now()
  const day = new Date(atMs).toISOString().slice(0, 10)
  const event = { day, eventId: `${conversationId}:1:s${seq}`, pass: 0, kind: 'message' }
  await new PostgresTraceWriter(pool).record([{ ...event, conversationId, seq, users, atMs }])
}

it('forgets all of those who go at once from a page that names them together', async () => {
  const { id, memberIds } = await createGroup(pool, 3)
  const [ann, bob, eve] = memberIds
  if (!ann || !bob || !eve) throw new Error('three members')
  await trace(id, 1, [ann, bob, eve])
  await trace(id, 2, [ann, bob])
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  await holder.query('begin')
  await holder.query('select from notification_traces where conversation_id = $1 for update', [id])
  const done = Promise.all([ann, bob].map((userId) => erasures.finish(erasureOf(userId, id))))
  await eventually(async () => {
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    expect((await pool.query(waiting)).rowCount).toBe(2)
  })
  await holder.query('commit')
  await holder.end()
  await done
  const { rows } = await pool.query(
    'select seq, users, decisions from notification_traces where conversation_id = $1',
    [id],
  )
  expect(rows).toEqual([{ seq: 1, users: [eve], decisions: { [eve]: [] } }])
})
