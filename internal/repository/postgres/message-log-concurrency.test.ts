import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { changePayloadOf } from '../../domain/change.ts'
import { DomainError } from '../../domain/errors.ts'
import { type ConversationId, messageIdOf, newOperationId, type UserId } from '../../domain/ids.ts'
import { type LogEntry, previewOf } from '../../domain/log-entry.ts'
import type { Decision } from '../../service/conversation/ports.ts'
import type { AppendItem, AppendOutcome, ChangeItem, ChangeOutcome } from '../../service/message/ports.ts'
import { appendItem, createGroup, createUsers } from '../../testkit/fixtures.ts'
import { Random } from '../../testkit/model/random.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresConversationChanges } from './conversation-change.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageLog } from './message-log.ts'
import { PostgresReceipts } from './receipt.ts'

const CONNECTIONS = 12
let url: string
let pool: pg.Pool
let log: PostgresMessageLog
let disturber: pg.Client

beforeAll(async () => {
  url = (await testPostgres()).url
  pool = createLogPool(url, 'concurrency', CONNECTIONS)
  log = new PostgresMessageLog(pool)
  disturber = new pg.Client({ connectionString: url })
  await disturber.connect()
})
afterAll(async () => {
  await disturber.end()
  await pool.end()
})

/** Again until there is an answer, as nodes and clients do. */
async function answered<Outcome>(act: () => Promise<Outcome>): Promise<Outcome> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'dependency_unavailable') throw error
    }
  }
}

async function stored(id: ConversationId) {
  const { rows } = await pool.query<{
    kind: number
    seq: number
    rev: number
    stamp: number
    ordinal: number
    operation_id: string
  }>(
    `select kind, seq, rev, stamp, ordinal, operation_id from log where conversation_id = $1
     order by seq + rev`,
    [id],
  )
  return rows
}

/** Messages and changes as one: numbered from 1 by seq + rev, each raising its own by one, stamps rising. */
async function expectDense(id: ConversationId): Promise<void> {
  let [seq, rev, stamp] = [0, 0, 0]
  for (const row of await stored(id)) {
    if (row.kind === 1) seq++
    else rev++
    expect([row.seq, row.rev]).toEqual([seq, rev])
    expect(row.stamp).toBeGreaterThan(stamp)
    stamp = row.stamp
  }
  const { rows } = await pool.query('select seq, rev, stamp from heads where conversation_id = $1', [id])
  expect(rows[0]).toEqual({ seq, rev, stamp })
}

/** Until stopped: holds heads of a while, and ends connections in the middle of what they do. */
async function disturb(ids: readonly ConversationId[], random: Random, isOver: () => boolean) {
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  let killed = 0
  const stall = async () => {
    while (!isOver()) {
      await holder.query('begin')
      await holder.query('select 1 from heads where conversation_id = $1 for update', [random.pick(ids)])
      await holder.query('select pg_sleep($1)', [random.next() / 50])
      await holder.query('commit')
    }
  }
  const kill = async () => {
    while (!isOver()) {
      // Waiting, holding or idle: whatever it is at.
      const { rowCount } = await disturber.query(
        `select pg_terminate_backend(pid) from (
           select pid from pg_stat_activity where application_name = 'concurrency:log'
           order by state = 'active' desc, random() limit 1) x`,
      )
      killed += rowCount ?? 0
      await disturber.query('select pg_sleep($1)', [random.next() / 20])
    }
  }
  await Promise.all([stall(), kill()])
  await holder.end()
  return killed
}

describe('append over many connections that stall and are killed', () => {
  it('stores what it acknowledged once, where it said, without gaps', async () => {
    const random = new Random(7)
    const groups = await Promise.all(Array.from({ length: 4 }, () => createGroup(pool)))
    const acknowledged: { item: AppendItem; outcome: AppendOutcome }[] = []
    const writer = async (n: number) => {
      for (let round = 0; round < 25; round++) {
        const items = Array.from({ length: 1 + random.below(6) }, (_, m) => {
          const { id, memberIds } = random.pick(groups)
          return appendItem(id, random.pick(memberIds), `${n}.${round}.${m}`)
        })
        let waiting = items
        while (waiting.length > 0) {
          const batch = waiting
          const outcomes = await answered(() => log.append(batch, { wait: random.chance(0.5) }))
          waiting = batch.filter((_, at) => outcomes[at]?.status === 'busy')
          for (const [at, outcome] of outcomes.entries()) {
            const item = batch[at]
            if (item && outcome.status !== 'busy') acknowledged.push({ item, outcome })
          }
        }
      }
    }
    let isOver = false
    const disturbed = disturb(
      groups.map(({ id }) => id),
      random,
      () => isOver,
    )
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => writer(n))).finally(() => {
      isOver = true
    })
    expect(await disturbed).toBeGreaterThan(0)

    for (const { id } of groups) {
      await expectDense(id)
      const rows = await stored(id)
      const mine = acknowledged.filter(({ item }) => item.conversationId === id)
      const places = new Map(rows.map((row) => [row.operation_id, row.seq]))
      expect(places.size).toBe(rows.length)
      // The first row is the system's. Nothing but what was acknowledged is there, as all was repeated.
      expect(rows).toHaveLength(mine.length + 1)
      for (const { item, outcome } of mine) {
        expect(outcome).toMatchObject({ seq: places.get(item.operationId) })
        expect(['ok', 'duplicate']).toContain(outcome.status)
      }
    }
  })
})

function reaction(entry: LogEntry, senderId: UserId, memberVersion: number, baseRev: number): ChangeItem {
  const { conversationId, seq, era } = entry
  const body = {
    messageId: messageIdOf(entry),
    era,
    emoji: '+1',
    added: true,
    blank: null,
    expires: null,
    authorId: entry.senderId,
  }
  const state = { rev: 0, edit: null, deletion: null, pinned: false, reactions: [] }
  return {
    conversationId,
    senderId,
    operationId: newOperationId(),
    bodyHash: Buffer.alloc(16),
    memberVersion,
    kind: 'reaction',
    targetSeq: seq,
    baseRev,
    payload: changePayloadOf(body, state),
    preview: previewOf(entry),
    blank: null,
    mentions: [],
    authorId: entry.senderId,
    pinned: true,
  }
}

describe('everything that locks heads and members', () => {
  it('runs at once without a deadlock, and leaves the log dense', async () => {
    const random = new Random(11)
    const users = await createUsers(pool, 6)
    const [owner = users[0], ...others] = users
    if (!owner) throw new Error('an owner')
    const groups = await Promise.all(Array.from({ length: 3 }, () => createGroup(pool, users)))
    const ids = groups.map(({ id }) => id)
    const receipts = new PostgresReceipts(pool)
    const changes = new PostgresConversationChanges(pool)
    const version = async (id: ConversationId) => (await log.heads([id])).get(id)?.memberVersion ?? 0
    const seen = new Set<string>()

    const send = async () => {
      const items = await Promise.all(
        random.shuffled([...ids, ...ids]).map(async (id) => {
          return appendItem(id, random.pick(users), 'x', { memberVersion: await version(id) })
        }),
      )
      for (const { status } of await log.append(items, { wait: random.chance(0.5) }))
        seen.add(`append ${status}`)
    }
    const read = async () => {
      const moves = random.shuffled(
        ids.flatMap((conversationId) =>
          users.map((userId) => {
            const readSeq = 1 + random.below(400)
            return { conversationId, userId, deliveredSeq: readSeq, readSeq, ordinal: null }
          }),
        ),
      )
      for (const { status } of await receipts.move(moves)) seen.add(`move ${status}`)
    }
    const change = async () => {
      const id = random.pick(ids)
      const [entry] = await log.entries(id, [1])
      const head = (await log.heads([id])).get(id)
      if (!entry || !head) throw new Error('no message')
      const item = reaction(entry, random.pick(users), head.memberVersion, head.rev)
      const { status }: ChangeOutcome = await log.change(item)
      seen.add(`change ${status}`)
    }
    const join = async () => {
      const userId = random.pick(others)
      const request = {
        conversationId: random.pick(ids),
        actorId: owner,
        userIds: [userId],
        nowMs: Date.now(),
      }
      const says = (event: 'member_joined' | 'member_removed') => ({
        event,
        actorId: owner,
        userIds: [userId],
      })
      const done = await changes.change(request, ({ members }): Decision => {
        if (!members.has(userId)) {
          return { kind: 'join', userIds: [userId], usesInvite: false, says: says('member_joined') }
        }
        return { kind: 'leave', userId, reason: 'removed', says: says('member_removed') }
      })
      seen.add(`member ${done === 'gone' ? done : done?.kind}`)
    }
    const each = async (act: () => Promise<void>) => {
      for (let round = 0; round < 40; round++) await act()
    }
    await Promise.all([send, send, send, read, read, change, change, join, join].map(each))

    expect([...seen]).toEqual(expect.arrayContaining(['append ok', 'move stored', 'change ok']))
    expect([...seen]).toEqual(expect.arrayContaining(['member join', 'member leave']))
    for (const id of ids) await expectDense(id)
  })
})
