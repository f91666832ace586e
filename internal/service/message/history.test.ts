import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type cassandra from 'cassandra-driver'
import type pg from 'pg'
import { createCassandraClient } from '../../repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../../repository/cassandra/message-archive.ts'
import { createLogPool } from '../../repository/postgres/log-pool.ts'
import { PostgresMessageArchive } from '../../repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../repository/postgres/message-log.ts'
import { appendItem, createGroup } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { History } from './history.ts'
import { newest } from './message-page.ts'

let pool: pg.Pool
let log: PostgresMessageLog
let nowhere: cassandra.Client

beforeAll(async () => {
  pool = createLogPool((await testPostgres()).url, 'test')
  log = new PostgresMessageLog(pool)
  nowhere = createCassandraClient({ contactPoints: ['127.0.0.1:1'], localDc: 'none', keyspace: 'none' })
})
afterAll(async () => {
  await nowhere.shutdown()
  await pool.end()
})

/** Ten messages, of which the log has forgotten the first five. */
async function conversation() {
  const { id, memberIds } = await createGroup(pool)
  const [ann] = memberIds
  if (!ann) throw new Error('a member')
  await log.append(
    Array.from({ length: 9 }, (_, n) => appendItem(id, ann, `number ${n + 2}`)),
    { wait: true },
  )
  const forgotten = await log.entries(id, [1, 2, 3, 4, 5])
  await pool.query('delete from log where conversation_id = $1 and seq <= 5', [id])
  return { id, ann, forgotten }
}

const seqs = ({ messages }: { messages: { seq: number }[] }) => messages.map(({ seq }) => seq)

describe('history', () => {
  it('joins what the log has with what the archive has', async () => {
    const { id, ann, forgotten } = await conversation()
    const archive = new PostgresMessageArchive(pool)
    await archive.write(forgotten)
    const history = new History(log, archive)
    expect(seqs(await history.read(id, ann, newest(7)))).toEqual([4, 5, 6, 7, 8, 9, 10])
    const { entries } = await history.following(id, { seq: 3, rev: 0 })
    expect(entries.map(({ n }) => n)).toEqual([4, 5, 6, 7, 8, 9, 10])
  })

  it('has whoever was away while removed discard what is from before they came back', async () => {
    const { id, ann } = await conversation()
    const history = new History(log, new PostgresMessageArchive(pool))
    const since = async (seq: number) => {
      const caughtUp = await history.catchUp(id, ann, { seq, rev: 0, epoch: null })
      return { reset: caughtUp.reset, seqs: seqs(caughtUp), seq: caughtUp.seq }
    }
    const comeBackAt = (seq: number) =>
      pool.query('update conversation_members set joined_seq = $2 where conversation_id = $1', [id, seq])
    await comeBackAt(6)
    expect(await since(3)).toEqual({ reset: true, seqs: [7, 8, 9, 10], seq: 10 })
    expect(await since(6)).toEqual({ reset: true, seqs: [7, 8, 9, 10], seq: 10 })
    expect(await since(7)).toEqual({ reset: false, seqs: [8, 9, 10], seq: 10 })
    // Who has nothing has nothing to discard; and once is enough where there is nothing to see.
    expect(await since(0)).toEqual({ reset: false, seqs: [7, 8, 9, 10], seq: 10 })
    await comeBackAt(10)
    expect(await since(10)).toEqual({ reset: false, seqs: [], seq: 10 })
  })

  it('helps out from the log when the archive lacks what its cursor promises', async () => {
    const { id, ann, forgotten } = await conversation()
    await new PostgresMessageArchive(pool).write(forgotten)
    await pool.query(
      `update lanes set xid = pg_current_xact_id(), position = 1000000 where follower = 'archive'`,
    )
    expect(seqs(await new History(log, new PostgresMessageArchive(pool)).read(id, ann, newest(10)))).toEqual(
      Array.from({ length: 10 }, (_, n) => n + 1),
    )
    await pool.query(`update lanes set xid = '0', position = 0 where follower = 'archive'`)
  })

  it('without the archive refuses a page it cannot fill, and serves one it can', async () => {
    const { id, ann } = await conversation()
    const history = new History(log, new CassandraMessageArchive(nowhere))
    await expect(history.read(id, ann, newest(10))).rejects.toMatchObject({ code: 'dependency_unavailable' })
    expect(seqs(await history.read(id, ann, newest(5)))).toEqual([6, 7, 8, 9, 10])
  })

  it('without the archive lets a join have what can be reached, without gaps', async () => {
    const { id, ann } = await conversation()
    const history = new History(log, new CassandraMessageArchive(nowhere))
    const last = await history.readReachable(id, ann, newest(10))
    expect([seqs(last), last.window.from, last.window.to]).toEqual([[6, 7, 8, 9, 10], 6, 10])
    const missed = await history.readReachable(id, ann, { anchor: 'after', seq: 2, limit: 10 })
    expect([seqs(missed), missed.window.to]).toEqual([[], 2])
    const caughtUp = await history.readReachable(id, ann, { anchor: 'after', seq: 7, limit: 10 })
    expect([seqs(caughtUp), caughtUp.window.to]).toEqual([[8, 9, 10], 10])
  })

  it('without the archive passes no change that it could not read', async () => {
    const { id, ann } = await conversation()
    await pool.query('update heads set rev = 3 where conversation_id = $1', [id])
    const history = new History(log, new CassandraMessageArchive(nowhere))
    const caughtUp = await history.catchUp(id, ann, { seq: 10, rev: 1, epoch: null })
    expect(caughtUp).toMatchObject({ changes: [], rev: 1, more: true, reset: false })
    await expect(history.changes(id, ann, 1)).rejects.toMatchObject({ code: 'dependency_unavailable' })
    expect(await history.changes(id, ann, 9)).toEqual({ changes: [], rev: 3, more: false })
  })
})
