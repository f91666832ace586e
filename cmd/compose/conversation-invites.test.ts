import { describe, expect, it } from '@jest/globals'
import { systemClock } from '../../internal/platform/clock.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUsers } from '../../internal/repository/postgres/user.ts'
import { UserService } from '../../internal/service/user/users.ts'
import { actorOf, conversationStores, groupOf } from '../../internal/testkit/conversation-world.ts'
import { createUsers } from '../../internal/testkit/fixtures.ts'
import { composeConversations } from './conversation.ts'

const { pool, live } = await conversationStores()
let skewMs = 0
const { conversations, invites, members } = composeConversations({
  pool,
  live,
  users: new UserService(new PostgresUsers(new Sql(pool))),
  relay: { wake: () => {} },
  audit: { record: async () => {} },
  clock: { now: () => systemClock.now() + skewMs },
  publicUrl: 'http://chat.example',
})
const ENDLESS = { expiresIn: null, maxUses: null }

async function stranger() {
  const [id] = await createUsers(pool, 1)
  if (!id) throw new Error('a user was asked for')
  return actorOf(id)
}

describe('an invite', () => {
  it('lets strangers see what it leads to, and come in', async () => {
    const { id, actors } = await groupOf(pool, ['owner', 'member'])
    const invite = await invites.create(actors[1], id, ENDLESS)
    expect(invite).toEqual({
      code: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      url: `http://chat.example/invite/${invite.code}`,
      expiresAt: null,
      maxUses: null,
      uses: 0,
    })
    expect(await invites.preview(invite.code)).toEqual({
      invite,
      conversation: { name: 'Group', description: null, avatarUrl: null, memberCount: 2 },
    })
    const newcomer = await stranger()
    live.clear()
    expect(await invites.join(newcomer, invite.code)).toMatchObject({
      id,
      role: 'member',
      memberCount: 3,
      joinedSeq: 1,
      lastMessage: { senderId: newcomer.userId, system: { event: 'member_joined' } },
    })
    expect(live.events).toEqual(['conversationCreated', 'membersChanged', 'messageCreated'])
    live.clear()
    await invites.join(newcomer, invite.code)
    expect(live.events).toEqual([])
    expect(await invites.list(actors[0], id)).toEqual([{ ...invite, uses: 1 }])
  })

  it('ends with its time, its uses, or its being revoked', async () => {
    const { id, actors } = await groupOf(pool, ['owner'])
    const [owner] = actors
    const timed = await invites.create(owner, id, { expiresIn: 60, maxUses: null })
    const single = await invites.create(owner, id, { expiresIn: null, maxUses: 1 })
    const revoked = await invites.create(owner, id, ENDLESS)
    const first = await stranger()
    await invites.join(first, single.code)
    await invites.revoke(owner, id, revoked.code)
    await invites.revoke(owner, id, revoked.code)
    const late = await stranger()
    try {
      skewMs = 60_000
      for (const [code, why] of [
        [timed.code, 'gone'],
        [single.code, 'gone'],
        [revoked.code, 'not_found'],
        ['A'.repeat(22), 'not_found'],
        ["'; drop table invites", 'not_found'],
      ] as const) {
        await expect(invites.preview(code)).rejects.toMatchObject({ code: why })
        await expect(invites.join(late, code)).rejects.toMatchObject({ code: why })
      }
      // Members go where they are, however the link has aged.
      expect(await invites.join(first, single.code)).toMatchObject({ id })
    } finally {
      skewMs = 0
    }
    await expect(conversations.get(late, id)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('brings nobody back who was removed, but who left', async () => {
    const { id, actors } = await groupOf(pool, ['owner', 'member', 'member'])
    const [owner, removed, left] = actors
    const { code } = await invites.create(owner, id, ENDLESS)
    await members.remove(owner, id, removed.userId, '192.0.2.1')
    await members.leave(left, id, '192.0.2.1')
    await expect(invites.join(removed, code)).rejects.toMatchObject({ code: 'forbidden' })
    expect(await invites.join(left, code)).toMatchObject({ id })
    await members.add(owner, id, [removed.userId])
    expect(await invites.join(removed, code)).toMatchObject({ id })
  })

  it('is revoked by its maker and by admins and moderators, in its own conversation', async () => {
    const { id, actors } = await groupOf(pool, ['owner', 'moderator', 'member', 'member'])
    const [owner, moderator, maker, other] = actors
    const elsewhere = await groupOf(pool, ['owner'])
    const [foreign] = elsewhere.actors
    for (const revoker of [maker, moderator]) {
      const { code } = await invites.create(maker, id, ENDLESS)
      await expect(invites.revoke(other, id, code)).rejects.toMatchObject({ code: 'forbidden' })
      await invites.revoke(foreign, elsewhere.id, code)
      expect(await invites.list(owner, id)).toHaveLength(1)
      await invites.revoke(revoker, id, code)
      expect(await invites.list(owner, id)).toEqual([])
    }
  })

  it('is one of at most a hundred that work', async () => {
    const { id, actors } = await groupOf(pool, ['owner'])
    const [owner] = actors
    for (let n = 0; n < 98; n++) await invites.create(owner, id, ENDLESS)
    const made = await Promise.allSettled(
      Array.from({ length: 5 }, () => invites.create(owner, id, { expiresIn: 60, maxUses: null })),
    )
    const refused = made.flatMap((one) => (one.status === 'rejected' ? one.reason.code : []))
    expect(refused).toEqual(['conflict', 'conflict', 'conflict'])
    try {
      skewMs = 60_000
      await invites.create(owner, id, ENDLESS)
      await invites.create(owner, id, ENDLESS)
      await expect(invites.create(owner, id, ENDLESS)).rejects.toMatchObject({ code: 'conflict' })
    } finally {
      skewMs = 0
    }
    expect(await invites.list(owner, id)).toHaveLength(102)
  })
})
