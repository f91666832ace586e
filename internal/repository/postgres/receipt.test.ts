import { setImmediate as tick } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { PointerMove } from '../../service/receipt/ports.ts'
import { eventually } from '../../testkit/eventually.ts'
import { appendItem, createGroup, createUsers } from '../../testkit/fixtures.ts'
import { startProxy } from '../../testkit/proxy.ts'
import { testPostgres } from '../../testkit/services.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageLog } from './message-log.ts'
import { PostgresReceipts } from './receipt.ts'

let url: string
let pool: pg.Pool
let log: PostgresMessageLog
let receipts: PostgresReceipts

beforeAll(async () => {
  url = (await testPostgres()).url
  pool = createLogPool(url, 'test')
  log = new PostgresMessageLog(pool)
  receipts = new PostgresReceipts(pool)
})
afterAll(() => pool.end())

function moveOf(conversationId: ConversationId, userId: UserId, readSeq: number): PointerMove {
  return { conversationId, userId, deliveredSeq: readSeq, readSeq, ordinal: null }
}

async function stored(conversationId: ConversationId, userId: UserId) {
  const { rows } = await pool.query(
    `select delivered_seq delivered, read_seq read, read_ordinal ordinal from conversation_members
     where conversation_id = $1 and user_id = $2`,
    [conversationId, userId],
  )
  return rows[0]
}

/** A group of ann, who writes, bob, and more; the first of its messages is the system's. */
async function group(messages: number, members = 2) {
  const { id, memberIds } = await createGroup(pool, members)
  const [ann, bob] = memberIds
  if (!ann || !bob) throw new Error('two members')
  const items = Array.from({ length: messages }, (_, n) => appendItem(id, ann, `message ${n}`))
  if (items.length > 0) await log.append(items, { wait: true })
  return { id, ann, bob, memberIds }
}

describe('moving pointers', () => {
  it('goes forward only, to the end at most, with the ordinal of the place', async () => {
    const { id, bob } = await group(9)
    const [first] = await receipts.move([moveOf(id, bob, 4)])
    expect(first).toMatchObject({
      status: 'stored',
      pointers: { deliveredSeq: 4, readSeq: 4 },
      before: { deliveredSeq: 0, readSeq: 0 },
      memberCount: 2,
    })
    expect(await stored(id, bob)).toEqual({ delivered: 4, read: 4, ordinal: 3 })
    const [back] = await receipts.move([moveOf(id, bob, 2)])
    expect(back).toMatchObject({ pointers: { deliveredSeq: 4, readSeq: 4 }, before: null })
    const [ahead] = await receipts.move([{ ...moveOf(id, bob, 0), deliveredSeq: 7 }])
    expect(ahead).toMatchObject({ pointers: { deliveredSeq: 7, readSeq: 4 } })
    const [past] = await receipts.move([moveOf(id, bob, 1_000_000)])
    expect(past).toMatchObject({ pointers: { deliveredSeq: 10, readSeq: 10 } })
    expect(await stored(id, bob)).toEqual({ delivered: 10, read: 10, ordinal: 9 })
  })

  it('knows who is no member, and leaves the others of the batch alone', async () => {
    const { id, bob } = await group(3)
    const [eve] = await createUsers(pool, 1)
    if (!eve) throw new Error('a user')
    const outcomes = await receipts.move([moveOf(id, eve, 2), moveOf(id, bob, 2)])
    expect(outcomes.map(({ status }) => status)).toEqual(['gone', 'stored'])
  })

  it('moves nothing to a place that the log has forgotten, until it is told the ordinal', async () => {
    const { id, bob } = await group(9)
    await pool.query('delete from log where conversation_id = $1 and seq <= 5', [id])
    expect(await receipts.move([moveOf(id, bob, 3)])).toEqual([
      { status: 'unplaced', headSeq: 10, firstSeq: 1 },
    ])
    expect(await stored(id, bob)).toEqual({ delivered: 0, read: 0, ordinal: 0 })
    await receipts.move([{ ...moveOf(id, bob, 3), ordinal: 2 }])
    expect(await stored(id, bob)).toEqual({ delivered: 3, read: 3, ordinal: 2 })
  })

  it('tracks delivery in groups of up to 100 only', async () => {
    const { id, bob } = await group(3, 101)
    const [delivered] = await receipts.move([{ ...moveOf(id, bob, 0), deliveredSeq: 3 }])
    expect(delivered).toMatchObject({ pointers: { deliveredSeq: 0, readSeq: 0 }, before: null })
    const [read] = await receipts.move([moveOf(id, bob, 3)])
    expect(read).toMatchObject({ pointers: { deliveredSeq: 3, readSeq: 3 }, memberCount: 101 })
    expect(await receipts.recipients(id, 2, bob)).toEqual({
      count: 100,
      readCount: 1,
      deliveredCount: null,
      members: null,
    })
  })

  it('tells who was there for a message, without its sender and who came later', async () => {
    const { id, ann, bob, memberIds } = await group(3, 4)
    const [, , eve, late] = memberIds
    if (!eve || !late) throw new Error('four members')
    await pool.query(
      `update conversation_members set joined_seq = 3, delivered_seq = 3, read_seq = 3 where user_id = $1`,
      [late],
    )
    await receipts.move([moveOf(id, bob, 2), { ...moveOf(id, eve, 0), deliveredSeq: 3 }])
    const found = await receipts.recipients(id, 2, ann)
    expect(found).toMatchObject({ count: 2, readCount: 1, deliveredCount: 2 })
    expect(found.members).toHaveLength(2)
    expect(found.members).toEqual(
      expect.arrayContaining([
        { userId: bob, deliveredSeq: 2, readSeq: 2 },
        { userId: eve, deliveredSeq: 3, readSeq: 0 },
      ]),
    )
  })
})

describe('reading while others send', () => {
  it('does not take back what a send moved meanwhile', async () => {
    const { id, bob } = await group(9)
    const sender = await pool.connect()
    await sender.query('begin')
    await sender.query(
      `update conversation_members set delivered_seq = 9, read_seq = 9, read_ordinal = 8
       where conversation_id = $1 and user_id = $2`,
      [id, bob],
    )
    const moving = receipts.move([moveOf(id, bob, 4)])
    await eventually(async () => {
      const { rowCount } = await pool.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      )
      expect(rowCount).toBe(1)
    })
    await sender.query('commit')
    sender.release()
    expect(await moving).toMatchObject([{ pointers: { deliveredSeq: 9, readSeq: 9 }, before: null }])
    expect(await stored(id, bob)).toEqual({ delivered: 9, read: 9, ordinal: 8 })
  })

  it('keeps every ordinal that of its seq, whoever comes first', async () => {
    const { id, memberIds } = await group(0, 5)
    let sending = true
    const send = async () => {
      for (let round = 0; round < 100; round++) {
        // Every third is the system's, which does not count; one of five reads up to their own.
        const items = memberIds.map((userId, n) =>
          appendItem(id, userId, `${round}`, { counts: (round + n) % 3 > 0, reads: round % 5 === n }),
        )
        await log.append(items, { wait: true })
      }
      sending = false
    }
    const reader = async (ahead: number) => {
      const last = new Map<UserId, number>()
      while (sending) {
        const moves = memberIds.map((userId) => moveOf(id, userId, (last.get(userId) ?? 1) + ahead))
        for (const [n, outcome] of (await receipts.move(moves)).entries()) {
          const userId = memberIds[n]
          if (outcome.status !== 'stored' || !userId) throw new Error(outcome.status)
          expect(outcome.pointers.readSeq).toBeGreaterThanOrEqual(last.get(userId) ?? 0)
          last.set(userId, outcome.pointers.readSeq)
        }
        await tick()
      }
    }
    const seen = new Map<UserId, number>()
    const watch = async () => {
      do {
        const { rows } = await pool.query<{ user_id: UserId; read: number; is_off: boolean }>(
          `select m.user_id, m.read_seq read, m.read_ordinal <> coalesce(l.ordinal, 0) is_off
           from conversation_members m
           left join log l on l.conversation_id = m.conversation_id and l.seq = m.read_seq and l.kind = 1
           where m.conversation_id = $1`,
          [id],
        )
        for (const { user_id: userId, read, is_off: isOff } of rows) {
          expect({ isOff, isBack: read < (seen.get(userId) ?? 0) }).toEqual({ isOff: false, isBack: false })
          seen.set(userId, read)
        }
      } while (sending)
    }
    await Promise.all([send(), watch(), reader(1), reader(2), reader(3)])
    expect(seen.size).toBe(5)
    await receipts.move(memberIds.map((userId) => moveOf(id, userId, 1_000_000)))
    const { rows: unread } = await pool.query(
      `select distinct h.ordinal - m.read_ordinal unread from conversation_members m
       join heads h on h.conversation_id = m.conversation_id where m.conversation_id = $1`,
      [id],
    )
    expect(unread).toEqual([{ unread: 0 }])
  })
})

describe('pointers while PostgreSQL is away', () => {
  it('are dependency_unavailable, and move again when it is back', async () => {
    const { id, bob } = await group(5)
    const { hostname, port } = new URL(url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const through = new URL(url)
    through.hostname = '127.0.0.1'
    through.port = String(proxy.port)
    const broken = createLogPool(through.href, 'test')
    const store = new PostgresReceipts(broken)
    try {
      await store.move([moveOf(id, bob, 2)])
      proxy.refuse()
      await expect(store.move([moveOf(id, bob, 3)])).rejects.toMatchObject({ code: 'dependency_unavailable' })
      proxy.accept()
      await eventually(async () => {
        expect(await store.move([moveOf(id, bob, 3)])).toMatchObject([{ pointers: { readSeq: 3 } }])
      })
    } finally {
      await broken.end()
      await proxy.close()
    }
  })
})
