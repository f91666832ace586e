import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Role } from '../../internal/domain/conversation.ts'
import { DomainError } from '../../internal/domain/errors.ts'
import type { ConversationId, UserId } from '../../internal/domain/ids.ts'
import type { Actor } from '../../internal/domain/user.ts'
import { systemClock } from '../../internal/platform/clock.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUsers } from '../../internal/repository/postgres/user.ts'
import { PLAIN } from '../../internal/service/message/messages.ts'
import { UserService } from '../../internal/service/user/users.ts'
import { actorOf, conversationStores, groupOf } from '../../internal/testkit/conversation-world.ts'
import { createGroup, createUsers } from '../../internal/testkit/fixtures.ts'
import { composeConversations } from './conversation.ts'

// What happens at once has one outcome, whichever comes first.

const { pool, live, messages } = await conversationStores()
const services = composeConversations({
  pool,
  live,
  users: new UserService(new PostgresUsers(new Sql(pool))),
  relay: { wake: () => {} },
  audit: { record: async () => {} },
  clock: systemClock,
  publicUrl: 'http://chat.example',
})
const { conversations, members, settings, invites } = services
const address = '192.0.2.1'
const REPEATS = 8

async function actors(count: number): Promise<Actor[]> {
  return (await createUsers(pool, count)).map(actorOf)
}

/** Of each `yes` or the code of the refusal. */
function outcomes(attempts: Promise<unknown>[]): Promise<string[]> {
  return Promise.all(
    attempts.map((attempt) =>
      attempt.then(
        () => 'yes',
        (error: unknown) => {
          if (error instanceof DomainError) return error.code
          throw error
        },
      ),
    ),
  )
}

async function rolesIn(id: ConversationId): Promise<Map<UserId, Role>> {
  const { rows } = await pool.query<{ user_id: UserId; role: Role }>(
    'select user_id, role from conversation_members where conversation_id = $1',
    [id],
  )
  return new Map(rows.map((row) => [row.user_id, row.role]))
}

/** What the conversation says of itself beside who is in it. */
async function counted(
  id: ConversationId,
): Promise<{ count: number; owners: number; members: number } | undefined> {
  const { rows } = await pool.query(
    `select c.member_count count, count(m.*)::int members, (count(*) filter (where m.role = 'owner'))::int owners
     from conversations c left join conversation_members m on m.conversation_id = c.id
     where c.id = $1 group by c.id`,
    [id],
  )
  return rows[0]
}

describe('at once', () => {
  it('the last use of an invite has one winner of twenty', async () => {
    const { id, actors: staff } = await groupOf(pool, ['owner'])
    const { code } = await invites.create(staff[0], id, { expiresIn: null, maxUses: 1 })
    const rivals = await actors(20)
    const result = await outcomes(rivals.map((rival) => invites.join(rival, code)))
    expect(result.toSorted()).toEqual([...Array(19).fill('gone'), 'yes'])
    expect(await counted(id)).toEqual({ count: 2, members: 2, owners: 1 })
    expect(await invites.list(staff[0], id)).toMatchObject([{ code, uses: 1, maxUses: 1 }])
  })

  it('one user who joins by an invite twice uses it once', async () => {
    const { id, actors: staff } = await groupOf(pool, ['owner'])
    const { code } = await invites.create(staff[0], id, { expiresIn: null, maxUses: 5 })
    const [joiner] = await actors(1)
    if (!joiner) throw new Error('a user was asked for')
    expect(await outcomes(Array.from({ length: 5 }, () => invites.join(joiner, code)))).toEqual(
      Array(5).fill('yes'),
    )
    expect(await invites.list(staff[0], id)).toMatchObject([{ uses: 1 }])
  })

  it('two who open a direct conversation open the same one', async () => {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const [ann, bob] = await actors(2)
      if (!ann || !bob) throw new Error('two users were asked for')
      const direct = { kind: 'direct', name: null, description: null, clientId: null } as const
      const opened = await Promise.all([
        conversations.create(ann, { ...direct, memberIds: [bob.userId] }),
        conversations.create(bob, { ...direct, memberIds: [ann.userId] }),
        conversations.create(ann, { ...direct, memberIds: [bob.userId] }),
      ])
      expect(new Set(opened.map(({ conversation }) => conversation.id)).size).toBe(1)
      expect(opened.filter(({ created }) => created)).toHaveLength(1)
    }
  })

  it('nothing of who leaves is later than their leaving', async () => {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const { id, actors: group } = await groupOf(pool, ['owner', 'member'])
      const [owner, leaver] = group
      // What the node remembers of them is of before.
      await messages.send(leaver, id, { ...PLAIN, content: 'still here' })
      const sends = Array.from({ length: 6 }, (_, n) =>
        messages.send(leaver, id, { ...PLAIN, content: `${n}` }),
      )
      const [left, ...sent] = await outcomes([members.leave(leaver, id, address), ...sends])
      expect(left).toBe('yes')
      const { items } = await messages.page(owner, id, { limit: 50 })
      const said = items.filter(({ senderId }) => senderId === leaver.userId)
      expect(said.at(-1)?.system).toMatchObject({ event: 'member_left', userIds: [leaver.userId] })
      expect(said).toHaveLength(2 + sent.filter((one) => one === 'yes').length)
      expect(sent.filter((one) => one !== 'yes' && one !== 'not_found')).toEqual([])
      const late = messages.send(leaver, id, { ...PLAIN, content: 'too late' })
      expect(await outcomes([late])).toEqual(['not_found'])
    }
  })

  it('a group that is transferred and left by its owner has one owner', async () => {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const { id, actors: group } = await groupOf(pool, ['owner', 'member', 'member'])
      const [owner, heir] = group
      const [transferred, ownerLeft, heirLeft] = await outcomes([
        members.transfer(owner, id, heir.userId, address),
        members.leave(owner, id, address),
        members.leave(heir, id, address),
      ])
      const { count, members: there, owners } = (await counted(id)) ?? {}
      expect([count, owners]).toEqual([there, 1])
      // Who is the owner cannot leave: the heir once it is theirs, or the old one for want of an heir.
      if (transferred === 'yes') expect([heirLeft, there]).toEqual(['conflict', ownerLeft === 'yes' ? 2 : 3])
      else expect([transferred, ownerLeft, heirLeft]).toEqual(['not_found', 'conflict', 'yes'])
    }
  })

  it('a role that is changed while its member is removed is not left behind', async () => {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const { id, actors: group } = await groupOf(pool, ['owner', 'moderator', 'member'])
      const [owner, moderator, member] = group
      const [changed, removed] = await outcomes([
        members.setRole(owner, id, { userId: member.userId, role: 'moderator' }, address),
        members.remove(moderator, id, member.userId, address),
      ])
      const role = (await rolesIn(id)).get(member.userId)
      // Promoted first, they are out of the moderator's reach; removed first, they have no role to change.
      if (removed === 'yes') expect(['not_found', undefined]).toEqual([changed, role])
      else expect(['yes', 'forbidden', 'moderator']).toEqual([changed, removed, role])
    }
  })

  it('two admins who remove each other both stay', async () => {
    const { id, actors: group } = await groupOf(pool, ['owner', 'admin', 'admin'])
    const [, one, other] = group
    expect(
      await outcomes([
        members.remove(one, id, other.userId, address),
        members.remove(other, id, one.userId, address),
      ]),
    ).toEqual(['forbidden', 'forbidden'])
    expect((await rolesIn(id)).size).toBe(3)
  })

  it('of those who ask into a group with one place left one comes in', async () => {
    const { id, memberIds } = await createGroup(pool, 1)
    const [ownerId] = memberIds
    if (!ownerId) throw new Error('an owner was asked for')
    const owner = actorOf(ownerId)
    // As if it were all but full: making ten thousand members would take longer than the rest of the tests.
    await pool.query('update conversations set member_count = 9999 where id = $1', [id])
    const newcomers = await actors(6)
    const { code } = await invites.create(owner, id, { expiresIn: null, maxUses: null })
    const result = await outcomes(
      newcomers.map((one, n) =>
        n % 2 === 0 ? invites.join(one, code) : members.add(owner, id, [one.userId]),
      ),
    )
    expect(result.toSorted()).toEqual([...Array(5).fill('conflict'), 'yes'])
    expect((await counted(id))?.count).toBe(10_000)
  })

  it('a deletion ends sends and joins, and leaves nothing behind', async () => {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const { id, actors: group } = await groupOf(pool, ['owner', 'member'])
      const [owner, member] = group
      const { code } = await invites.create(owner, id, { expiresIn: null, maxUses: null })
      const [joiner] = await actors(1)
      if (!joiner) throw new Error('a user was asked for')
      const [deleted, ...rest] = await outcomes([
        settings.delete(owner, id, address),
        messages.send(member, id, { ...PLAIN, content: 'hello?' }),
        invites.join(joiner, code),
      ])
      expect(deleted).toBe('yes')
      expect(rest.filter((one) => one !== 'yes' && one !== 'not_found')).toEqual([])
      expect(await outcomes([conversations.get(member, id), conversations.get(joiner, id)])).toEqual([
        'not_found',
        'not_found',
      ])
      const late = messages.send(member, id, { ...PLAIN, content: 'hello?' })
      expect(await outcomes([late, settings.delete(owner, id, address)])).toEqual(['not_found', 'not_found'])
      expect((await rolesIn(id)).size).toBe(0)
    }
  })

  it('members who add the same user add them once', async () => {
    const { id, actors: group } = await groupOf(pool, ['owner', 'member', 'member'])
    const [newcomer] = await createUsers(pool, 1)
    if (!newcomer) throw new Error('a user was asked for')
    const added = await Promise.all(group.map((actor) => members.add(actor, id, [newcomer])))
    expect(added.filter((one) => one.added)).toHaveLength(1)
    expect(await counted(id)).toEqual({ count: 4, members: 4, owners: 1 })
  })

  it('anything with anything leaves one owner and a true count, and nobody waits for ever', async () => {
    const act = fc.record({
      who: fc.nat(5),
      whom: fc.nat(5),
      what: fc.constantFrom(
        'add',
        'remove',
        'leave',
        'promote',
        'demote',
        'transfer',
        'join',
        'send',
        'edit',
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 2, maxLength: 24 }), async (acts) => {
        const { id, actors: staff } = await groupOf(pool, ['owner', 'admin', 'moderator', 'member'])
        const people = [...staff, ...(await actors(2))]
        const { code } = await invites.create(staff[0], id, { expiresIn: null, maxUses: null })
        const tried = acts.map(({ who, whom, what }) => {
          const [actor, target] = [people[who], people[whom]]
          if (!actor || !target) throw new Error('there are six people')
          return attemptOf({ id, code, actor, target: target.userId })[what]()
        })
        const codes = new Set(await outcomes(tried))
        for (const may of ['yes', 'forbidden', 'not_found', 'conflict', 'validation_failed'])
          codes.delete(may)
        expect([...codes]).toEqual([])
        const after = await counted(id)
        // Who leaves last takes the group along.
        if (after) expect([after.count, after.owners]).toEqual([after.members, 1])
        else expect((await rolesIn(id)).size).toBe(0)
      }),
      { numRuns: 40 },
    )
  }, 60_000)
})

interface Attempt {
  id: ConversationId
  code: string
  actor: Actor
  target: UserId
}

function attemptOf({ id, code, actor, target }: Attempt) {
  const give = (role: 'admin' | 'member') => members.setRole(actor, id, { userId: target, role }, address)
  return {
    add: () => members.add(actor, id, [target]),
    remove: () => members.remove(actor, id, target, address),
    leave: () => members.leave(actor, id, address),
    promote: () => give('admin'),
    demote: () => give('member'),
    transfer: () => members.transfer(actor, id, target, address),
    join: () => invites.join(actor, code),
    send: () => messages.send(actor, id, { ...PLAIN, content: 'hello' }),
    edit: () => settings.change(actor, id, { name: `by ${actor.userId}` }),
  } satisfies Record<string, () => Promise<unknown>>
}
