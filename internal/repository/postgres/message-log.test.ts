import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { appendItem, createGroup } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageLog } from './message-log.ts'

let pool: pg.Pool
let log: PostgresMessageLog
let url: string

beforeAll(async () => {
  url = (await testPostgres()).url
  pool = createLogPool(url, 'test', 20)
  log = new PostgresMessageLog(pool)
})
afterAll(() => pool.end())

async function group(): Promise<{ id: ConversationId; ann: UserId; bob: UserId }> {
  const { id, memberIds } = await createGroup(pool)
  const [ann, bob] = memberIds
  if (!ann || !bob) throw new Error('two members')
  return { id, ann, bob }
}

describe('append', () => {
  it('numbers a batch densely in its order, over several conversations', async () => {
    const [one, two] = [await group(), await group()]
    const outcomes = await log.append(
      [one, two, one, two, one].map(({ id, ann }, n) => appendItem(id, ann, `text ${n}`)),
      { wait: false },
    )
    // Seq 1 is the group's own system message, which is not counted as unread.
    expect(outcomes.map((outcome) => 'seq' in outcome && [outcome.seq, outcome.ordinal])).toEqual([
      [2, 1],
      [2, 1],
      [3, 2],
      [3, 2],
      [4, 3],
    ])
  })

  it('answers a repeated operation with its first place, and another body as a mismatch', async () => {
    const { id, ann } = await group()
    const first = appendItem(id, ann, 'once')
    const [stored] = await log.append([first], { wait: false })
    const [again, other] = await log.append(
      [first, appendItem(id, ann, 'twice', { operationId: first.operationId })],
      { wait: false },
    )
    expect(again).toEqual({ ...stored, status: 'duplicate' })
    expect(other).toMatchObject({ status: 'mismatch' })
  })

  it('stores an operation once that comes twice in one batch', async () => {
    const { id, ann } = await group()
    const item = appendItem(id, ann, 'once')
    const [first, second] = await log.append([item, item], { wait: false })
    expect(first).toMatchObject({ status: 'ok', seq: 2 })
    expect(second).toEqual({ status: 'busy' })
    expect(await log.append([item], { wait: true })).toMatchObject([{ status: 'duplicate', seq: 2 }])
  })

  it('stores an operation once that comes over many connections at once', async () => {
    const { id, ann } = await group()
    const item = appendItem(id, ann, 'once')
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => log.append([item], { wait: true })))
    expect(outcomes.flat().filter(({ status }) => status === 'ok')).toHaveLength(1)
    expect(outcomes.flat().filter(({ status }) => status === 'duplicate')).toHaveLength(19)
  })

  it('answers stale for an outdated version and for everything behind it in that conversation', async () => {
    const { id, ann } = await group()
    const outcomes = await log.append(
      [appendItem(id, ann, 'a'), appendItem(id, ann, 'b', { memberVersion: 0 }), appendItem(id, ann, 'c')],
      { wait: false },
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'stale', 'stale'])
  })

  it('answers gone for a conversation that is not there, without harm to the others', async () => {
    const { id, ann } = await group()
    const nowhere = '00000000-0000-7000-8000-000000000000' as ConversationId
    const outcomes = await log.append([appendItem(nowhere, ann, 'a'), appendItem(id, ann, 'b')], {
      wait: false,
    })
    expect(outcomes.map(({ status }) => status)).toEqual(['gone', 'ok'])
  })

  it('answers busy for a conversation that is locked, and waits when asked to', async () => {
    const [locked, free] = [await group(), await group()]
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    await holder.query('begin')
    await holder.query('select 1 from heads where conversation_id = $1 for update', [locked.id])
    const items = [appendItem(locked.id, locked.ann, 'a'), appendItem(free.id, free.ann, 'b')]
    const outcomes = await log.append(items, { wait: false })
    expect(outcomes.map(({ status }) => status)).toEqual(['busy', 'ok'])
    const waiting = log.append(items.slice(0, 1), { wait: true })
    await holder.query('commit')
    await holder.end()
    expect(await waiting).toMatchObject([{ status: 'ok', seq: 2 }])
  })

  it('keeps seqs dense and stamps rising under concurrent batches', async () => {
    const { id, ann, bob } = await group()
    const batches = Array.from({ length: 40 }, (_, n) =>
      log.append(
        Array.from({ length: 5 }, (_, m) => appendItem(id, n % 2 ? ann : bob, `${n}.${m}`)),
        { wait: true },
      ),
    )
    await Promise.all(batches)
    const { rows } = await pool.query(
      'select seq, stamp, ordinal from log where conversation_id = $1 order by seq',
      [id],
    )
    expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: 201 }, (_, n) => n + 1))
    expect(rows.map((row) => row.ordinal)).toEqual(Array.from({ length: 201 }, (_, n) => n))
    for (const [n, row] of rows.entries()) if (n > 0) expect(row.stamp).toBeGreaterThan(rows[n - 1].stamp)
  })

  it('keeps stamps rising when the clock stands behind the last one', async () => {
    const { id, ann } = await group()
    const ahead = (Date.now() + 60_000) * 1000
    await pool.query('update heads set stamp = $2 where conversation_id = $1', [id, ahead])
    const [outcome] = await log.append([appendItem(id, ann, 'a')], { wait: false })
    expect(outcome).toMatchObject({ stamp: ahead + 1 })
  })
})

describe('window', () => {
  it('shows members the tail in the asked range, and others nothing', async () => {
    const { id, ann, bob } = await group()
    const { id: elsewhere, ann: stranger } = await group()
    await log.append(
      ['a', 'b', 'c'].map((text) => appendItem(id, ann, text)),
      { wait: false },
    )
    const window = await log.window(id, bob, { anchor: 'before', seq: 99, limit: 2 })
    expect(window).toMatchObject({ seq: 4, from: 3, to: 4, firstVisible: 1 })
    expect(window?.tail.map((entry) => entry.seq)).toEqual([3, 4])
    expect(await log.window(id, stranger, { anchor: 'before', seq: 99, limit: 2 })).toBeNull()
    expect(await log.window(elsewhere, bob, { anchor: 'before', seq: 99, limit: 2 })).toBeNull()
  })

  it('shows each of those who ask at once their own', async () => {
    const groups = await Promise.all(Array.from({ length: 40 }, group))
    await log.append(
      groups.flatMap(({ id, ann }, n) =>
        Array.from({ length: n % 4 }, (_, text) => appendItem(id, ann, `${text}`)),
      ),
      { wait: false },
    )
    const stranger = groups[0]?.ann
    const asked = groups.flatMap(({ id, ann, bob }, n) =>
      [ann, n > 0 && stranger ? stranger : ann, bob].map((viewer, limit) => ({
        id,
        n,
        viewer,
        limit: limit + 1,
      })),
    )
    const windows = await Promise.all(
      asked.map(({ id, viewer, limit }) => log.window(id, viewer, { anchor: 'after', seq: 1, limit })),
    )
    expect(
      windows.map((window) => window?.tail.map(({ conversationId, seq }) => [conversationId, seq])),
    ).toEqual(
      asked.map(({ id, n, viewer, limit }) =>
        n > 0 && viewer === stranger
          ? undefined
          : Array.from({ length: Math.min(limit, n % 4) }, (_, index) => [id, index + 2]),
      ),
    )
  })

  it('fails for all who asked at once', async () => {
    const { id, ann } = await group()
    const gone = createLogPool(url, 'test', 1)
    await gone.end()
    const late = new PostgresMessageLog(gone)
    const range = { anchor: 'after', seq: 0, limit: 1 } as const
    const answers = await Promise.allSettled([late.window(id, ann, range), late.window(id, ann, range)])
    expect(answers).toMatchObject([
      { reason: { code: 'dependency_unavailable' } },
      { reason: { code: 'dependency_unavailable' } },
    ])
  })

  it('hides what was before joining unless the conversation shows all', async () => {
    const { id, ann, bob } = await group()
    await log.append(
      ['a', 'b'].map((text) => appendItem(id, ann, text)),
      { wait: false },
    )
    await pool.query('update conversation_members set joined_seq = 2 where user_id = $1', [bob])
    expect(await log.window(id, bob, { anchor: 'after', seq: 0, limit: 2 })).toMatchObject({
      from: 3,
      to: 3,
      firstVisible: 3,
    })
    await pool.query(`update conversations set history_visibility = 'all' where id = $1`, [id])
    expect(await log.window(id, bob, { anchor: 'after', seq: 0, limit: 2 })).toMatchObject({
      from: 1,
      to: 2,
      firstVisible: 1,
    })
  })

  it.each([
    [{ anchor: 'before', seq: 4, limit: 2 }, [2, 3]],
    [{ anchor: 'before', seq: 1, limit: 2 }, []],
    [{ anchor: 'before', seq: 99, limit: 2 }, [4, 5]],
    [{ anchor: 'after', seq: 0, limit: 2 }, [1, 2]],
    [{ anchor: 'after', seq: 4, limit: 9 }, [5]],
    [{ anchor: 'after', seq: 99, limit: 9 }, []],
    [{ anchor: 'around', seq: 3, limit: 2 }, [2, 3]],
    [{ anchor: 'around', seq: 99, limit: 4 }, [3, 4, 5]],
  ] as const)('takes the nearest there are: %j', async (range, seqs) => {
    const { id, ann } = await group()
    await log.append(
      ['a', 'b', 'c', 'd'].map((text) => appendItem(id, ann, text)),
      { wait: false },
    )
    const window = await log.window(id, ann, range)
    expect(window?.tail.map((entry) => entry.seq)).toEqual(seqs)
  })
})
