import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { DEFAULT_NOTIFICATION_SETTINGS, WEEKDAYS } from '../../domain/notification.ts'
import { insertConversation, insertUser } from '../../testkit/chat-rows.ts'
import { testPostgres } from '../../testkit/services.ts'
import { createPool } from './database.ts'
import { PostgresEventReader } from './notification-events.ts'
import { PostgresRecipientReader } from './notification-recipients.ts'
import { PostgresNotificationSettings } from './notification-settings.ts'
import { Sql } from './sql.ts'

const TODAY = new Date().toISOString().slice(0, 10)
const KINDS = { message: 1, edit: 2, delete: 3, reaction: 4 } as const

describe('what a notifier reads', () => {
  let pool: pg.Pool
  let reader: PostgresRecipientReader
  let events: PostgresEventReader
  let ann: UserId
  let bob: UserId
  let conversation: ConversationId

  beforeAll(async () => {
    pool = createPool({ url: (await testPostgres()).url, max: 4, applicationName: 'test' })
    reader = new PostgresRecipientReader(pool)
    events = new PostgresEventReader(pool)
  })

  beforeEach(async () => {
    ann = await insertUser(pool, 'Ann')
    bob = await insertUser(pool, 'Bob')
    conversation = await insertConversation(pool, 'group', [ann, bob], 'G')
  })

  afterAll(() => pool.end())

  async function log(
    kind: keyof typeof KINDS,
    of: { seq: number; target?: number; rev?: number; by?: UserId },
  ) {
    await pool.query(
      `insert into log (day, lane, kind, conversation_id, seq, rev, target_seq, era, ordinal, sender_id,
         operation_id, body_hash, stamp, payload)
       values ($1, 0, $2, $3, $4, $5, $6, 1, $4, $7, $8, '', $4, '{}')`,
      [TODAY, KINDS[kind], conversation, of.seq, of.rev ?? 0, of.target ?? null, of.by ?? ann, uuidv7()],
    )
    await pool.query('update heads set rev = greatest(rev, $2) where conversation_id = $1', [
      conversation,
      of.rev ?? 0,
    ])
  }

  const members = async (more: { actorId?: UserId; rootSeq?: number } = {}) => {
    const { actorId = ann, rootSeq = null } = more
    const scope = { kind: 'members' as const, after: null }
    const [page] = await reader.recipients([{ conversationId: conversation, actorId, rootSeq, scope }], 10)
    return page ?? []
  }
  const bobOf = async (more: Parameters<typeof members>[0] = {}) =>
    (await members(more)).find(({ userId }) => userId === bob)

  it('has the defaults for who said nothing', async () => {
    expect(await bobOf()).toEqual({
      userId: bob,
      status: 'active',
      blocksActor: false,
      hasEmail: false,
      hasDevice: false,
      settings: DEFAULT_NOTIFICATION_SETTINGS,
      membership: {
        kind: 'group',
        joinedSeq: 0,
        readSeq: 0,
        mutedUntilMs: null,
        notify: 'all',
        followsThread: false,
      },
    })
  })

  it('has what was set, who is blocked, and a confirmed address', async () => {
    const quietHours = { start: '22:00', end: '07:00', timeZone: 'Europe/Berlin', days: [...WEEKDAYS] }
    const settings = new PostgresNotificationSettings(new Sql(pool))
    await settings.change(bob, { reactions: true, quietHours }, new Date())
    await pool.query('insert into blocks (blocker_id, blocked_id, created_at) values ($1, $2, now())', [
      bob,
      ann,
    ])
    const address = `${bob}@example.org`
    await pool.query(
      `insert into identities (user_id, kind, value, value_key, created_at) values ($1, 'email', $2, $2, now())`,
      [bob, address],
    )
    expect(await bobOf()).toMatchObject({
      blocksActor: true,
      hasEmail: false,
      hasDevice: false,
      settings: { reactions: true, quietHours },
    })
    await pool.query('update identities set verified_at = now() where user_id = $1', [bob])
    expect(await bobOf({ actorId: bob })).toMatchObject({ blocksActor: false, hasEmail: true })
  })

  it('knows users who are no members, and those of no conversation', async () => {
    const cid = await insertUser(pool, 'Cid')
    const scope = { kind: 'users' as const, userIds: [bob, cid] }
    const query = { actorId: null, rootSeq: null, scope }
    const found = await reader.recipients(
      [
        { ...query, conversationId: conversation },
        { ...query, conversationId: null },
      ],
      10,
    )
    expect(found.map((page) => page.map(({ membership }) => membership !== null))).toEqual([
      [true, false],
      [false, false],
    ])
  })

  it('knows who takes part in a thread: its writers and the author of its root', async () => {
    await log('message', { seq: 3, by: bob })
    expect(await bobOf({ rootSeq: 3 })).toMatchObject({ membership: { followsThread: false } })
    const reply = { conversationId: conversation, rootSeq: 3, userId: ann }
    await events.followThreads([reply, reply])
    await events.followThreads([reply, { ...reply, userId: uuidv7<UserId>() }])
    const following = (await members({ rootSeq: 3 })).map(({ membership }) => membership?.followsThread)
    expect(following).toEqual([true, true])
    expect(await bobOf({ rootSeq: 4 })).toMatchObject({ membership: { followsThread: false } })
  })

  it('knows what was deleted, and which reaction was taken away, since', async () => {
    const sent = { rev: 0, reactorId: null }
    const at = (seq: number, { rev, reactorId }: { rev: number; reactorId: UserId | null } = sent) => {
      return { conversationId: conversation, seq, rev, reactorId, day: TODAY }
    }
    await log('edit', { seq: 2, target: 1, rev: 1 })
    await log('reaction', { seq: 2, target: 1, rev: 2, by: bob })
    const byBob = { rev: 2, reactorId: bob }
    const before = await events.since([at(1), at(2), at(1, byBob)])
    expect(before).toEqual(Array.from({ length: 3 }, () => ({ deleted: false, withdrawn: false })))
    await log('reaction', { seq: 2, target: 1, rev: 3, by: ann })
    expect(await events.since([at(1, byBob)])).toEqual([{ deleted: false, withdrawn: false }])
    await log('reaction', { seq: 2, target: 1, rev: 4, by: bob })
    await log('delete', { seq: 2, target: 2, rev: 5 })
    expect(await events.since([at(1), at(2), at(1, byBob)])).toEqual([
      { deleted: false, withdrawn: false },
      { deleted: true, withdrawn: false },
      { deleted: false, withdrawn: true },
    ])
  })
})
