import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { appendItem, createGroup, testPool } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresLogPartitions } from './log-partitions.ts'
import { PostgresMessageLog } from './message-log.ts'

let pool: pg.Pool
let partitions: PostgresLogPartitions

beforeAll(async () => {
  const { url } = await testPostgres()
  pool = testPool(url)
  partitions = new PostgresLogPartitions(url)
})
afterAll(() => pool.end())

async function names(): Promise<string[]> {
  const { rows } = await pool.query(
    `select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = 'log'::regclass order by 1`,
  )
  return rows.map((row) => row.relname)
}

async function day(offset: number): Promise<string> {
  const { rows } = await pool.query(
    `select 'log_' || to_char((now() at time zone 'UTC')::date + $1::int, 'YYYYMMDD') name`,
    [offset],
  )
  return rows[0].name
}

describe('the days of the log', () => {
  it('are made a week ahead, once', async () => {
    await pool.query(`drop table ${await day(7)}`)
    await expect(partitions.makeAhead()).resolves.toBe(1)
    await expect(partitions.makeAhead()).resolves.toBe(0)
    expect(await names()).toContain(await day(7))
    await expect(partitions.check()).resolves.toBeUndefined()
  })

  it('are reported when tomorrow is missing', async () => {
    await pool.query(`drop table ${await day(1)}`)
    await expect(partitions.check()).rejects.toThrow('no partition for tomorrow')
    await partitions.makeAhead()
  })

  it('are removed after two full days, but not while a follower may need them', async () => {
    const { rows } = await pool.query(
      `select log_make_partitions(d - 4, d - 2) from (select (now() at time zone 'UTC')::date d) x`,
    )
    expect(rows).toHaveLength(1)
    const { id, memberIds } = await createGroup(pool)
    const [ann] = memberIds
    if (!ann) throw new Error('a member')
    await new PostgresMessageLog(pool).append([appendItem(id, ann, 'old')], { wait: true })
    // The same rows as if they had been written four days ago.
    const old = await day(-4)
    await pool.query(`
      insert into ${old} (day, lane, kind, conversation_id, seq, rev, era, ordinal, sender_id, operation_id,
        body_hash, stamp, payload)
      select (now() at time zone 'UTC')::date - 4, lane, kind, conversation_id, seq + 100, rev, era, ordinal,
        sender_id, operation_id, body_hash, stamp, payload from log where conversation_id = '${id}'`)
    expect(await partitions.removeOld()).toEqual([await day(-3)])
    // Of another cluster, as after a restored dump: it has not seen these rows.
    const ahead = `(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000)::text::xid8`
    await pool.query(`update lanes set xid = ${ahead}, safe_xid = ${ahead}`)
    expect(await partitions.removeOld()).toEqual([])
    await pool.query(`update lanes set xid = '0'`)
    await pool.query(`update lanes set safe_xid = pg_current_xact_id(), safe_position = 1000000`)
    expect(await partitions.removeOld()).toEqual([old])
    // Two days back is within what repeated sends are looked up in.
    expect(await names()).toContain(await day(-2))
  })
})
