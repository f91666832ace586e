import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { createLogPool } from '../repository/postgres/log-pool.ts'
import { PostgresMessageLog } from '../repository/postgres/message-log.ts'
import { NodeLock } from '../repository/postgres/node-lock.ts'
import { PostgresRelayLog } from '../repository/postgres/relay-log.ts'
import { eventually } from '../testkit/eventually.ts'
import { appendItem, createGroup } from '../testkit/fixtures.ts'
import { testPostgres } from '../testkit/services.ts'
import type { LanePosition, LaneRow, RelayLog } from './ports.ts'
import { SharedRows } from './shared-rows.ts'

const START: LanePosition = { xid: '0', position: '0', day: '2000-01-01' }

describe('rows shared by two followers', () => {
  let pool: pg.Pool
  let lock: NodeLock
  let log: PostgresRelayLog
  /** Lanes asked of the log, call by call. */
  let asked: number[][]
  let shared: SharedRows

  beforeAll(async () => {
    const { url } = await testPostgres()
    pool = createLogPool(url, 'test')
    lock = new NodeLock(url)
    log = new PostgresRelayLog(pool, lock)
  })
  afterAll(async () => {
    await lock.release()
    await pool.end()
  })

  function begin(): void {
    asked = []
    const counting: Pick<RelayLog, 'rows'> = {
      rows: (lanes, limit) => {
        asked.push(lanes.map(({ lane }) => lane))
        return log.rows(lanes, limit)
      },
    }
    shared = new SharedRows(counting)
  }

  /** So many more messages of a new group; its lane, and where that was before. */
  async function send(count: number): Promise<{ lane: number; after: LanePosition; more(): Promise<void> }> {
    const { id, memberIds } = await createGroup(pool)
    const [ann] = memberIds
    if (!ann) throw new Error('nobody')
    const lane = Number.parseInt(id.slice(-1), 16)
    const more = async () => {
      const items = Array.from({ length: count }, (_, n) => appendItem(id, ann, `text ${n}`))
      await new PostgresMessageLog(pool).append(items, { wait: true })
    }
    const today = new Date().toISOString().slice(0, 10)
    const all = await log.rows([{ lane, after: { ...START, day: today } }], 100_000)
    const after = all.at(-1) ?? { ...START, day: today }
    await more()
    return { lane, after, more }
  }

  /** Everything after the place, as a follower reads it that takes `limit` at a time. */
  async function follow(lane: number, from: LanePosition, limit: number): Promise<LaneRow[]> {
    const rows: LaneRow[] = []
    for (let after = from; ; ) {
      const page = await shared.rows([{ lane, after }], limit)
      rows.push(...page)
      const last = page.at(-1)
      if (!last) return rows
      after = last
    }
  }

  const fromLog = (lane: number, after: LanePosition) => log.rows([{ lane, after }], 100_000)

  it('answers both what the log holds, and reads it once', async () => {
    begin()
    const { lane, after } = await send(20)
    await eventually(async () => expect(await fromLog(lane, after)).toHaveLength(20))
    expect(await follow(lane, after, 512)).toEqual(await fromLog(lane, after))
    expect(asked).toHaveLength(2)
    // In other steps than the first: only what follows the last row is asked of the log.
    expect(await follow(lane, after, 7)).toEqual(await fromLog(lane, after))
    expect(asked).toHaveLength(3)
  })

  it('goes on with what was added since, and goes back to before what it has', async () => {
    begin()
    const { lane, after, more } = await send(5)
    await eventually(async () => expect(await fromLog(lane, after)).toHaveLength(5))
    const [first] = await shared.rows([{ lane, after }], 2)
    if (!first) throw new Error('no row')
    await more()
    await eventually(async () => expect(await fromLog(lane, after)).toHaveLength(10))
    expect(await follow(lane, first, 3)).toEqual((await fromLog(lane, after)).slice(1))
    const before = { ...after, xid: '0', position: '0' }
    expect(await follow(lane, before, 4)).toEqual(await fromLog(lane, before))
    expect(await follow(lane, after, 4)).toEqual(await fromLog(lane, after))
  })

  it('forgets the oldest, and reads them again when they are asked for', async () => {
    begin()
    const { lane, after, more } = await send(1500)
    await more()
    await eventually(async () => expect(await fromLog(lane, after)).toHaveLength(3000))
    const everything = await fromLog(lane, after)
    expect(await follow(lane, after, 512)).toEqual(everything)
    const before = asked.length
    expect(await shared.rows([{ lane, after }], 512)).toEqual(everything.slice(0, 512))
    expect(asked).toHaveLength(before + 1)
    expect(await follow(lane, after, 512)).toEqual(everything)
  })
})
