import { afterEach, describe, expect, it } from '@jest/globals'
import {
  type ConversationId,
  newOperationId,
  type Seq,
  type UserId,
  uuidv7,
} from '../../internal/domain/ids.ts'
import { systemClock } from '../../internal/platform/clock.ts'
import { PostgresAccountCloser } from '../../internal/repository/postgres/account.ts'
import { PostgresErasures } from '../../internal/repository/postgres/erasures.ts'
import { PostgresMemberNames } from '../../internal/repository/postgres/member-names.ts'
import { PostgresMessageArchive } from '../../internal/repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../internal/repository/postgres/message-log.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUsers } from '../../internal/repository/postgres/user.ts'
import { AuthoredMessages } from '../../internal/service/account/authored.ts'
import { Erasures, type ErasuresDeps } from '../../internal/service/account/erasures.ts'
import { AccessCache } from '../../internal/service/message/access-cache.ts'
import { History } from '../../internal/service/message/history.ts'
import { MessageChanges } from '../../internal/service/message/message-changes.ts'
import { PLAIN } from '../../internal/service/message/messages.ts'
import { newPublicId } from '../../internal/service/user/public-id.ts'
import { UserService } from '../../internal/service/user/users.ts'
import { actorOf, conversationStores, groupOf } from '../../internal/testkit/conversation-world.ts'
import { createUsers } from '../../internal/testkit/fixtures.ts'
import { composeConversations } from './conversation.ts'

const { pool, live, messages, store } = await conversationStores()
const sql = new Sql(pool)
const relay = { wake: () => {} }
const { conversations, members, changer } = composeConversations({
  pool,
  live,
  users: new UserService(new PostgresUsers(sql)),
  relay,
  audit: { record: async () => {} },
  clock: systemClock,
  publicUrl: 'http://chat.example',
})
const log = new PostgresMessageLog(pool)
const archive = new PostgresMessageArchive(pool)
const history = new History(log, archive)
const names = new PostgresMemberNames(pool)
const access = new AccessCache(store)
const changes = new MessageChanges({
  ...{ access, members: store, names, history, log, live, relay },
  newOperationId,
})
const closer = new PostgresAccountCloser(sql)

/** Another node's, over the same database. */
const worker = (over: Partial<ErasuresDeps> = {}) =>
  new Erasures({
    queue: new PostgresErasures(sql),
    authored: new AuthoredMessages(log, archive, Date.now),
    successors: closer,
    change: (request, decide) => changer.change(request, decide),
    erase: (id, userId, seq) => changes.eraseAuthored(id, userId, seq),
    ...over,
  })

async function finish(erasures: Erasures): Promise<void> {
  while (await erasures.step());
}

async function close(userId: UserId): Promise<void> {
  const publicId = newPublicId()
  expect(await closer.close(userId, { username: `deleted-${publicId}`, publicId }, new Date())).not.toBeNull()
}

/** Who has written what, as somebody sees it. */
async function seen(viewer: UserId, id: ConversationId): Promise<string[]> {
  const { items } = await messages.page(actorOf(viewer), id, { limit: 100 })
  return items.filter(({ type }) => type !== 'system').map(({ content }) => content)
}

const say = (userId: UserId, id: ConversationId, content: string) =>
  messages.send(actorOf(userId), id, { ...PLAIN, content })

async function direct(one: UserId, other: UserId): Promise<ConversationId> {
  const input = { kind: 'direct' as const, memberIds: [other], name: null, description: null, clientId: null }
  return (await conversations.create(actorOf(one), input)).conversation.id
}

afterEach(async () => {
  await pool.query('delete from erasures')
})

describe('erasing what a deleted account wrote', () => {
  it('takes its messages and no others’, in every conversation it is and was in', async () => {
    const { id, actors } = await groupOf(pool, ['owner', 'member', 'member'])
    const [owner, ann, bob] = actors
    const other = await groupOf(pool, ['owner', 'member'])
    const pair = await direct(ann.userId, bob.userId)
    for (const content of ['one', 'two', 'three']) {
      await say(ann.userId, id, `Ann ${content}`)
      await say(bob.userId, id, `Bob ${content}`)
    }
    await say(ann.userId, pair, 'Ann between us')
    await say(bob.userId, pair, 'Bob between us')
    await members.add(other.actors[0], other.id, [ann.userId])
    await say(ann.userId, other.id, 'Ann was here')
    await members.leave(ann, other.id, '192.0.2.1')

    await pool.query(`update conversation_members set draft = 'Ann to be' where user_id = $1`, [ann.userId])
    await pool.query(
      `insert into scheduled_messages (id, conversation_id, sender_id, request_hash, content, send_at, due_at)
       values ($1, $2, $3, $4, 'Ann later', now() + interval '1 day', now() + interval '1 day')`,
      [uuidv7(), id, ann.userId, Buffer.alloc(16)],
    )

    await close(ann.userId)
    await finish(worker())
    expect(await seen(bob.userId, id)).toEqual(['', 'Bob one', '', 'Bob two', '', 'Bob three'])
    expect(await seen(bob.userId, pair)).toEqual(['', 'Bob between us'])
    expect(await seen(other.actors[0].userId, other.id)).toEqual([''])
    const { rows } = await pool.query(
      `select 1 from log where payload like '%Ann %'
       union all select 1 from heads where preview like '%Ann %'
       union all select 1 from scheduled_messages where content like 'Ann %'
       union all select 1 from conversation_members where draft like 'Ann %'`,
    )
    expect(rows).toHaveLength(0)
    const left = await pool.query(
      `select (select count(*) from erasures)::int erasures,
         (select count(*) from past_memberships where user_id = $1)::int past,
         (select count(*) from conversation_members where user_id = $1 and conversation_id = $2)::int here`,
      [ann.userId, id],
    )
    expect(left.rows).toEqual([{ erasures: 0, past: 0, here: 0 }])
    expect(owner.userId).toBeDefined()
  })

  it('finds what only the archive has', async () => {
    const { id, actors } = await groupOf(pool, ['owner', 'member'])
    const [owner, ann] = actors
    for (let n = 1; n <= 3; n++) await say(ann.userId, id, `Ann ${n}`)
    await archive.write(await log.entries(id, [2, 3, 4]))
    await pool.query('delete from log where conversation_id = $1', [id])
    await close(ann.userId)
    await finish(worker())
    expect(await seen(owner.userId, id)).toEqual(['', '', ''])
  })

  it('hands groups on to whoever ranks highest, the longest there, or ends them', async () => {
    const { id, actors } = await groupOf(pool, ['owner', 'member', 'moderator', 'admin', 'admin'])
    const [owner, , , admin, younger] = actors
    await pool.query(
      `update conversation_members set joined_at = now() + interval '1 s' where user_id = $1`,
      [younger.userId],
    )
    const alone = await groupOf(pool, ['owner'])
    await close(owner.userId)
    await close(alone.actors[0].userId)
    await finish(worker())
    expect(await conversations.get(admin, id)).toMatchObject({ role: 'owner', memberCount: 4 })
    expect(live.events).toContain('conversationDeleted')
    const { rows } = await pool.query('select up_to::int from purges where conversation_id = $1', [alone.id])
    expect(rows).toEqual([{ up_to: 1 }])
  })

  it('leaves the other one of two what they wrote, and nobody to write to', async () => {
    const [ann, bob] = await createUsers(pool, 2)
    if (!ann || !bob) throw new Error('two users were asked for')
    const id = await direct(ann, bob)
    await say(bob, id, 'Hello Ann')
    await close(ann)
    await finish(worker())
    expect(await seen(bob, id)).toEqual(['Hello Ann'])
    expect((await conversations.get(actorOf(bob), id)).peer).toMatchObject({ displayName: 'Deleted user' })
    await expect(say(bob, id, 'Are you there?')).rejects.toMatchObject({ code: 'blocked' })
    await expect(direct(bob, ann)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('goes on where a worker died, however often', async () => {
    const { id, actors } = await groupOf(pool, ['owner', 'member'])
    const [owner, ann] = actors
    for (let n = 1; n <= 30; n++) await say(ann.userId, id, `Ann ${n}`)
    await close(ann.userId)
    let erased = 0
    const dying = worker({
      erase: async (conversationId: ConversationId, userId: UserId, seq: Seq) => {
        if (++erased % 4 === 0) throw new Error('killed')
        await changes.eraseAuthored(conversationId, userId, seq)
      },
    })
    for (let life = 0; life < 50; life++) {
      await dying.step().catch(() => {})
      const { rowCount } = await pool.query(`update erasures set until = '-infinity'`)
      if (rowCount === 0) break
    }
    expect(await pool.query('select 1 from erasures')).toMatchObject({ rowCount: 0 })
    expect(new Set(await seen(owner.userId, id))).toEqual(new Set(['']))
  })

  it('is worked off by any number of workers, each piece by one', async () => {
    const [ann] = await createUsers(pool, 1)
    if (!ann) throw new Error('a user was asked for')
    const ids: ConversationId[] = []
    for (let n = 0; n < 12; n++) {
      const { id, actors } = await groupOf(pool, ['owner'])
      await members.add(actors[0], id, [ann])
      await say(ann, id, 'Ann')
      ids.push(id)
    }
    await close(ann)
    live.clear()
    let erased = 0
    const erase = (id: ConversationId, userId: UserId, seq: Seq) => {
      erased++
      return changes.eraseAuthored(id, userId, seq)
    }
    await Promise.all(Array.from({ length: 4 }, () => finish(worker({ erase }))))
    expect(erased).toBe(ids.length)
    const deleted = live.told.filter(([event]) => event === 'messageChanged')
    expect(deleted).toHaveLength(ids.length)
    expect(await pool.query('select 1 from erasures')).toMatchObject({ rowCount: 0 })
  })
})
