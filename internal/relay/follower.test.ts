import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { isChange, type LogRecord } from '../domain/change.ts'
import { newOperationId } from '../domain/ids.ts'
import type { LogEntry } from '../domain/log-entry.ts'
import { createLogPool } from '../repository/postgres/log-pool.ts'
import { appendWithin, PostgresMessageLog } from '../repository/postgres/message-log.ts'
import { NodeLock } from '../repository/postgres/node-lock.ts'
import { PostgresRelayLog } from '../repository/postgres/relay-log.ts'
import { eventually } from '../testkit/eventually.ts'
import { appendItem, createGroup } from '../testkit/fixtures.ts'
import { testPostgres } from '../testkit/services.ts'
import { LogFollower } from './follower.ts'
import { SharedRows } from './shared-rows.ts'

let url: string
let pool: pg.Pool
let log: PostgresMessageLog
const running: (() => Promise<void>)[] = []

beforeAll(async () => {
  url = (await testPostgres()).url
  pool = createLogPool(url, 'test', 20)
  log = new PostgresMessageLog(pool)
})
afterEach(async () => {
  for (const stop of running.splice(0)) await stop()
})
afterAll(() => pool.end())

interface Node {
  follower: LogFollower
  seen: LogEntry[]
  errors: unknown[]
  stop(): Promise<void>
  /** Ends as a killed process does: its connection is gone, nothing is given back. */
  kill(): Promise<void>
}

function node(
  process: (entries: readonly LogRecord[]) => Promise<void> = async () => {},
  replays = false,
): Node {
  const lock = new NodeLock(url)
  const controller = new AbortController()
  const seen: LogEntry[] = []
  const errors: unknown[] = []
  const relayLog = new PostgresRelayLog(pool, lock)
  const follower = new LogFollower({
    name: 'events',
    log: relayLog,
    source: new SharedRows(relayLog),
    replays,
    paceMs: 1,
    onProcessed: () => {},
    onError: (error) => errors.push(error),
    process: async (entries) => {
      await process(entries)
      seen.push(...entries.flatMap((entry) => (isChange(entry) ? [] : entry)))
    },
  })
  const run = follower.run(controller.signal, () => {})
  const stop = async () => {
    controller.abort()
    await run
    await lock.release()
  }
  running.push(stop)
  const kill = async () => {
    running.splice(running.indexOf(stop), 1)
    controller.abort()
    await lock.release()
  }
  return { follower, seen, errors, stop, kill }
}

function seqsOf(nodes: Node[], conversationId: string): number[] {
  const entries = nodes.flatMap(({ seen }) => seen).filter((entry) => entry.conversationId === conversationId)
  return entries.map((entry) => entry.seq).sort((a, b) => a - b)
}

async function send(texts: string[]): Promise<string> {
  const { id, memberIds } = await createGroup(pool)
  const [ann] = memberIds
  if (!ann) throw new Error('a member')
  await log.append(
    texts.map((text) => appendItem(id, ann, text)),
    { wait: true },
  )
  return id
}

describe('a follower of the log', () => {
  it('hands out every row once, in order, over two nodes that share the lanes', async () => {
    const nodes = [node(), node()]
    const ids: string[] = []
    for (let n = 0; n < 20; n++) ids.push(await send(['a', 'b', 'c']))
    await eventually(() => {
      for (const id of ids) expect(seqsOf(nodes, id)).toEqual([1, 2, 3, 4])
    })
    for (const { seen } of nodes) {
      const last = new Map<string, number>()
      for (const { conversationId, seq } of seen) {
        expect(seq).toBeGreaterThan(last.get(conversationId) ?? 0)
        last.set(conversationId, seq)
      }
    }
  })

  it('does not skip a row whose transaction took its place early and commits late', async () => {
    const { id, memberIds } = await createGroup(pool)
    const other = await createGroup(pool)
    const [ann] = memberIds
    const [bob] = other.memberIds
    if (!ann || !bob) throw new Error('members')
    const watcher = node()
    await eventually(() => expect(seqsOf([watcher], id)).toEqual([1]))
    // A transaction with an early id and position that is still open while a later one commits.
    const slow = new pg.Client({ connectionString: url })
    await slow.connect()
    await slow.query('begin')
    await appendWithin(slow, [appendItem(id, ann, 'late')])
    await log.append([appendItem(other.id, bob, 'early')], { wait: true })
    await eventually(async () => {
      const { rows } = await pool.query('select count(*)::int n from log where conversation_id = $1', [
        other.id,
      ])
      expect(rows[0]?.n).toBe(2)
    })
    expect(seqsOf([watcher], other.id)).not.toContain(2)
    await slow.query('commit')
    await slow.end()
    await eventually(() => {
      expect(seqsOf([watcher], id)).toEqual([1, 2])
      expect(seqsOf([watcher], other.id)).toEqual([1, 2])
    })
  })

  it('keeps a lane where it was when its work fails, and goes on when it succeeds', async () => {
    let fails = 2
    const flaky = node(async () => {
      if (fails-- > 0) throw new Error('store is down')
    })
    const id = await send(['a'])
    await eventually(() => expect(seqsOf([flaky], id)).toEqual([1, 2]))
    expect(flaky.errors.length).toBeGreaterThanOrEqual(2)
  })

  it('replays, when asked to while a batch is under way, from the place that is safe', async () => {
    let held: PromiseWithResolvers<void> | null = null
    let isUnderWay = false
    const { follower, seen } = node(async () => {
      isUnderWay = held !== null
      await held?.promise
    }, true)
    const { id, memberIds } = await createGroup(pool)
    const [ann] = memberIds
    if (!ann) throw new Error('a member')
    const firsts = () => seen.filter((entry) => entry.conversationId === id && entry.seq === 1).length
    await eventually(() => expect(firsts()).toBe(1))
    held = Promise.withResolvers()
    await log.append([appendItem(id, ann, 'later')], { wait: true })
    await eventually(() => expect(isUnderWay).toBe(true))
    follower.replay()
    held.resolve()
    await eventually(() => expect(firsts()).toBe(2))
  })

  it('takes over the lanes of a node that died, at once', async () => {
    const dead = node(() => new Promise(() => {}))
    const id = await send(['a'])
    await eventually(async () => {
      const { rows } = await pool.query(`select 1 from lanes where follower = 'events' and owner is null`)
      expect(rows).toHaveLength(0)
    })
    await dead.kill()
    const heir = node()
    await eventually(() => expect(seqsOf([heir], id)).toEqual([1, 2]))
  })
})

describe('a database that has lost its last moments', () => {
  it('is read anew where its cursor is back, as other rows have the places of those that were lost', async () => {
    const watcher = node()
    const { id, memberIds } = await createGroup(pool)
    const [ann] = memberIds
    if (!ann) throw new Error('a member')
    await eventually(() => expect(seqsOf([watcher], id)).toEqual([1]))
    const place = async () => {
      const lane = Number.parseInt(id.slice(-1), 16)
      const { rows } = await pool.query<{ xid: string; position: string }>(
        `select xid::text, position::text from lanes where follower = 'events' and lane = $1`,
        [lane],
      )
      return [rows[0]?.xid, rows[0]?.position, lane]
    }
    const kept = await place()
    await log.append([appendItem(id, ann, 'lost')], { wait: true })
    await eventually(async () => {
      expect(seqsOf([watcher], id)).toEqual([1, 2])
      expect(await place()).not.toEqual(kept)
    })
    const operationId = newOperationId()
    await pool.query('update log set operation_id = $2 where conversation_id = $1 and seq = 2', [
      id,
      operationId,
    ])
    await pool.query(
      `update lanes set xid = $1::text::xid8, position = $2 where follower = 'events' and lane = $3`,
      kept,
    )
    await eventually(() => expect(watcher.seen.map((entry) => entry.operationId)).toContain(operationId))
  })
})

describe('a cursor of another cluster', () => {
  it('stops its lane and is reported', async () => {
    const lock = new NodeLock(url)
    const relayLog = new PostgresRelayLog(pool, lock)
    await expect(relayLog.check()).resolves.toBeUndefined()
    await send(['a'])
    await pool.query(
      `update lanes set xid = (xid::text::bigint + 1000000)::text::xid8 where follower = 'events'`,
    )
    await expect(relayLog.check()).rejects.toThrow('ahead of the cluster')
    const watcher = node()
    const id = await send(['b'])
    await pool.query(`update lanes set xid = '0', position = 0, safe_xid = '0' where follower = 'events'`)
    await expect(relayLog.check()).resolves.toBeUndefined()
    await watcher.stop()
    running.splice(0)
    const heir = node()
    // The watcher may have had it already, in the moment between the reset and its end.
    await eventually(() => expect(new Set(seqsOf([watcher, heir], id))).toEqual(new Set([1, 2])))
    await lock.release()
  })
})
