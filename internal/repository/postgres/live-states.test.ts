import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { eventually } from '../../testkit/eventually.ts'
import { appendItem, createGroup, createUsers } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresBlocks } from './block.ts'
import { PostgresPreferences } from './conversation-preferences.ts'
import { PostgresLiveStates } from './live-states.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageLog } from './message-log.ts'
import { PostgresNotificationSettings } from './notification-settings.ts'
import { PostgresReceipts } from './receipt.ts'
import { Sql } from './sql.ts'

let pool: pg.Pool
let states: PostgresLiveStates

beforeAll(async () => {
  pool = createLogPool((await testPostgres()).url, 'test')
  states = new PostgresLiveStates(pool)
})
afterAll(() => pool.end())

async function group(members = 2) {
  const { id, memberIds } = await createGroup(pool, members)
  const [ann, bob] = memberIds
  if (!ann || !bob) throw new Error('two members')
  const items = [1, 2, 3].map((n) => appendItem(id, ann, `message ${n}`))
  await new PostgresMessageLog(pool).append(items, { wait: true })
  return { id, ann, bob }
}

/** A mark since which nothing of these changed: transactions of other tests hold it back for a while. */
async function quiet(ids: readonly ConversationId[], userIds: readonly UserId[]): Promise<number> {
  let mark = 0
  await eventually(async () => {
    mark = await states.mark()
    const changed = [
      ...(await states.receiptsSince(ids, mark)),
      ...(await states.ownSince(userIds, mark)),
      ...(await states.settingsSince(userIds, mark)),
      ...(await states.blockedSince(userIds, mark)),
    ]
    expect(changed).toEqual([])
  })
  return mark
}

function read(conversationId: ConversationId, userId: UserId, readSeq: number) {
  const move = { conversationId, userId, deliveredSeq: readSeq, readSeq, ordinal: null }
  return new PostgresReceipts(pool).move([move])
}

describe('what changed since a mark', () => {
  it('is the places that moved, of the conversations and users asked for', async () => {
    const [one, other] = [await group(), await group()]
    const ids = [one.id, other.id]
    await read(one.id, one.ann, 2)
    const mark = await quiet(ids, [one.ann, one.bob, other.bob])
    await read(one.id, one.bob, 3)
    const at = expect.any(String)
    const place = { conversationId: one.id, userId: one.bob, readSeq: 3 }
    expect(await states.receiptsSince(ids, mark)).toEqual([
      { ...place, deliveredSeq: 3, at, memberVersion: 1 },
    ])
    expect(await states.receiptsSince([other.id], mark)).toEqual([])
    expect(await states.ownSince([one.bob, other.bob], mark)).toEqual([
      { ...place, hasNewPlace: true, hasNewPreferences: false },
    ])
    expect(await states.ownSince([one.ann], mark)).toEqual([])
  })

  it('is what a transaction that began before it commits after it', async () => {
    const { id, bob } = await group()
    await quiet([id], [bob])
    const client = await pool.connect()
    await client.query('begin')
    await client.query(
      'update conversation_members set read_seq = 2, delivered_seq = 2 where conversation_id = $1 and user_id = $2',
      [id, bob],
    )
    // Later, and over before it.
    await pool.query('select pg_current_xact_id()')
    const mark = await states.mark()
    expect(await states.receiptsSince([id], mark)).toEqual([])
    await client.query('commit')
    client.release()
    expect(await states.receiptsSince([id], mark)).toMatchObject([{ userId: bob, readSeq: 2 }])
  })

  it('is not a place that one has by writing or by coming', async () => {
    const { id, ann, bob } = await group()
    const mark = await quiet([id], [ann, bob])
    await new PostgresMessageLog(pool).append([appendItem(id, bob, 'an answer')], { wait: true })
    expect(await states.receiptsSince([id], mark)).toEqual([])
    expect(await states.ownSince([bob], mark)).toMatchObject([{ hasNewPlace: false }])
    const [late] = await createUsers(pool, 1)
    await pool.query(
      `insert into conversation_members
         (conversation_id, user_id, role, joined_seq, delivered_seq, read_seq, read_ordinal)
       values ($1, $2, 'member', 5, 5, 5, 4)`,
      [id, late],
    )
    expect(await states.receiptsSince([id], mark)).toEqual([])
    await read(id, ann, 5)
    expect(await states.receiptsSince([id], mark)).toMatchObject([{ userId: ann, readSeq: 5 }])
  })

  it('has no receipts of groups above 100 members, and their own places all the same', async () => {
    const { id, bob } = await group(101)
    const mark = await quiet([id], [bob])
    await read(id, bob, 2)
    expect(await states.receiptsSince([id], mark)).toEqual([])
    expect(await states.ownSince([bob], mark)).toMatchObject([{ conversationId: id, readSeq: 2 }])
  })

  it('tells preferences from places, and has settings', async () => {
    const { id, ann, bob } = await group()
    const [preferences, settings] = [
      new PostgresPreferences(new Sql(pool)),
      new PostgresNotificationSettings(new Sql(pool)),
    ]
    await preferences.set(id, bob, { archived: true })
    await settings.change(ann, { previews: false }, new Date())
    const mark = await quiet([id], [ann, bob])
    await read(id, bob, 2)
    expect(await states.ownSince([bob], mark)).toMatchObject([{ hasNewPreferences: false }])
    await preferences.set(id, bob, { pinned: true })
    expect(await states.ownSince([bob], mark)).toMatchObject([{ hasNewPreferences: true }])
    expect(await states.settingsSince([ann, bob], mark)).toEqual([])
    await settings.change(bob, { emailDelay: 600 }, new Date())
    expect(await states.settingsSince([ann, bob], mark)).toMatchObject([
      { userId: bob, settings: { emailDelay: 600, previews: true } },
    ])
  })

  it('is who was blocked', async () => {
    const [ann, bob] = await createUsers(pool, 2)
    if (!ann || !bob) throw new Error('two users')
    const mark = await quiet([], [ann, bob])
    await new PostgresBlocks(new Sql(pool)).set(ann, bob, true, new Date())
    expect(await states.blockedSince([ann, bob], mark)).toEqual([bob])
    expect(await states.blockedSince([ann, bob], await quiet([], [ann, bob]))).toEqual([])
  })
})
