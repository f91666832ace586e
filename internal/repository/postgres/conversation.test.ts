import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { appendItem, createGroup, createUsers, testPool } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresConversations } from './conversation.ts'
import { PostgresMessageLog } from './message-log.ts'

let pool: pg.Pool
let conversations: PostgresConversations
let ann: UserId
let bob: UserId
let groups: ConversationId[]

beforeAll(async () => {
  pool = testPool((await testPostgres()).url)
  conversations = new PostgresConversations(pool)
  const [first, second] = await createUsers(pool, 2)
  if (!first || !second) throw new Error('two users were asked for')
  ann = first
  bob = second
  groups = []
  for (let i = 0; i < 5; i++) groups.push((await createGroup(pool, [ann, bob])).id)
})

afterAll(() => pool.end())

async function send(id: ConversationId, sender: UserId, content: string) {
  await new PostgresMessageLog(pool).append([appendItem(id, sender, content)], { wait: true })
}

async function pages(viewer: UserId, limit: number): Promise<ConversationId[][]> {
  const found: ConversationId[][] = []
  let page = await conversations.list(viewer, limit, null)
  found.push(page.items.map(({ id }) => id))
  while (page.next) {
    page = await conversations.list(viewer, limit, page.next)
    found.push(page.items.map(({ id }) => id))
  }
  return found
}

describe('PostgresConversations', () => {
  it('lists by last activity in pages that neither miss nor repeat', async () => {
    const [oldest] = groups
    if (!oldest) throw new Error('five groups were made')
    await send(oldest, bob, 'now the newest')
    const newestFirst = [oldest, ...groups.slice(1).reverse()]
    expect(await pages(ann, 2)).toEqual([
      newestFirst.slice(0, 2),
      newestFirst.slice(2, 4),
      newestFirst.slice(4),
    ])
    expect(await pages(ann, newestFirst.length)).toEqual([newestFirst])
  })

  it('shows one conversation as its viewer sees it', async () => {
    const { id, memberIds } = await createGroup(pool, 2)
    const [owner, member] = memberIds
    if (!owner || !member) throw new Error('two members were asked for')
    await send(id, owner, 'unread by the other')
    const view = await conversations.find(id, member)
    expect(view).toMatchObject({
      id,
      kind: 'group',
      peerId: null,
      role: 'member',
      seq: 2,
      unread: 1,
      lastMessage: { seq: 2, senderId: owner, content: 'unread by the other' },
      preferences: { mutedUntil: null, notify: 'all', pinned: false, archived: false, draft: null },
    })
    // What the statement needs and clients do not is not handed on.
    expect(JSON.stringify(view)).not.toMatch(/ordinal|preview|stamp/i)
    expect(await conversations.find(id, ann)).toBeNull()
  })

  it('pages members by joining, for members only', async () => {
    const { id, memberIds } = await createGroup(pool, 5)
    const [owner] = memberIds
    if (!owner) throw new Error('five members were asked for')
    const first = (await conversations.members(id, owner, 3, null)) ?? []
    const last = first.at(-1)
    if (!last) throw new Error('no first page')
    const second = (await conversations.members(id, owner, 3, last)) ?? []
    const seen = [...first, ...second].map(({ userId }) => userId)
    expect(seen).toEqual([...memberIds].sort())
    expect(await conversations.members(id, owner, 3, second.at(-1) ?? last)).toEqual([])
    expect(await conversations.members(id, ann, 3, null)).toBeNull()
  })

  it('answers what a send rests on, and the conversations to follow', async () => {
    const { id, memberIds } = await createGroup(pool, 1)
    const [owner] = memberIds
    if (!owner) throw new Error('a member was asked for')
    expect(await conversations.access(id, owner)).toMatchObject({
      memberVersion: 1,
      role: 'owner',
      kind: 'group',
      postPolicy: 'everyone',
      invitePolicy: 'everyone',
      infoPolicy: 'everyone',
    })
    expect(await conversations.access(id, ann)).toBeNull()
    expect(await conversations.memberships(owner)).toEqual([{ id, seq: 1, rev: 0, memberVersion: 1 }])
  })

  it('shows one conversation as each of many sees it', async () => {
    const { id, memberIds } = await createGroup(pool, 3)
    const [owner, member, leaver] = memberIds
    if (!owner || !member || !leaver) throw new Error('three members were asked for')
    await send(id, owner, 'hello')
    await pool.query('delete from conversation_members where conversation_id = $1 and user_id = $2', [
      id,
      leaver,
    ])
    const views = await conversations.viewsFor(id, [owner, member, leaver, ann])
    expect([...views.keys()].toSorted()).toEqual([owner, member].toSorted())
    expect([views.get(owner)?.role, views.get(member)?.role]).toEqual(['owner', 'member'])
    expect([views.get(owner)?.unread, views.get(member)?.unread]).toEqual([0, 1])
    expect(await conversations.membersAmong(id, [owner, leaver, ann])).toEqual({
      memberVersion: 1,
      joinedSeqs: new Map([[owner, 0]]),
    })
    expect(await conversations.membersAmong(id, [])).toEqual({ memberVersion: 1, joinedSeqs: new Map() })
    expect(await conversations.membersAmong(uuidv7<ConversationId>(), [owner])).toBeNull()
    expect((await conversations.membersById(id, [owner, ann])).map(({ userId }) => userId)).toEqual([owner])
  })

  it('counts mentions that are unread, each message once, and none of who is blocked', async () => {
    const { id, memberIds } = await createGroup(pool, 3)
    const [owner, reader, blocked] = memberIds
    if (!owner || !reader || !blocked) throw new Error('three members were asked for')
    const say = (sender: UserId, mentions: (UserId | null)[]) =>
      new PostgresMessageLog(pool).append([appendItem(id, sender, 'psst', { mentions })], { wait: true })
    const counted = async (viewer: UserId) => (await conversations.find(id, viewer))?.mentions
    await say(owner, [reader])
    await say(owner, [null])
    await say(owner, [reader, null])
    await say(owner, [blocked])
    await say(blocked, [reader])
    expect([await counted(owner), await counted(reader), await counted(blocked)]).toEqual([0, 4, 0])
    await pool.query('insert into blocks values ($1, $2, now())', [reader, blocked])
    expect(await counted(reader)).toBe(3)
    await pool.query(
      `update conversation_members set read_seq = 3, delivered_seq = 3
       where conversation_id = $1 and user_id = $2`,
      [id, reader],
    )
    expect(await counted(reader)).toBe(1)
  })

  it('does not show as the last message what the viewer deleted for themselves', async () => {
    const { id, memberIds } = await createGroup(pool, 2)
    const [owner, member] = memberIds
    if (!owner || !member) throw new Error('two members were asked for')
    await send(id, owner, 'secret')
    await new PostgresMessageLog(pool).hide({
      conversationId: id,
      userId: member,
      seq: 2,
      messageId: uuidv7(),
    })
    expect((await conversations.find(id, member))?.lastMessage).toBeNull()
    expect((await conversations.find(id, owner))?.lastMessage).toMatchObject({ content: 'secret' })
  })
})
