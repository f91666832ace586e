import { describe, expect, it } from '@jest/globals'
import type { ConversationSettings, Policy, Role } from '../../internal/domain/conversation.ts'
import { DomainError } from '../../internal/domain/errors.ts'
import type { ConversationId } from '../../internal/domain/ids.ts'
import type { Actor } from '../../internal/domain/user.ts'
import { systemClock } from '../../internal/platform/clock.ts'
import { PostgresBlocks } from '../../internal/repository/postgres/block.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUsers } from '../../internal/repository/postgres/user.ts'
import { PLAIN } from '../../internal/service/message/messages.ts'
import { UserService } from '../../internal/service/user/users.ts'
import { actorOf, conversationStores, groupOf } from '../../internal/testkit/conversation-world.ts'
import { createUsers } from '../../internal/testkit/fixtures.ts'
import { composeConversations } from './conversation.ts'

// Every role with every act, upon members of every role, under both values of the policy that decides.

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

const ROLES = ['owner', 'admin', 'moderator', 'member'] as const
const BELOW: Record<Role, readonly Role[]> = {
  owner: ['admin', 'moderator', 'member'],
  admin: ['moderator', 'member'],
  moderator: ['member'],
  member: [],
}

type PolicyName = 'postPolicy' | 'invitePolicy' | 'infoPolicy'
interface Scene {
  id: ConversationId
  actor: Actor
  /** A member of the role that is acted upon. */
  target: Actor
}
interface Row {
  act: string
  /** Who may under the policy `everyone`, and under `admins`. */
  everyone: readonly Role[]
  admins: readonly Role[]
  policy?: PolicyName
  attempt(scene: Scene): Promise<unknown>
}

const ALL = ROLES
const STAFF = ['owner', 'admin', 'moderator'] as const
const ADMINS = ['owner', 'admin'] as const
const OWNER = ['owner'] as const
const address = '192.0.2.1'
const always = (roles: readonly Role[]) => ({ everyone: roles, admins: roles })
const change = (given: Partial<ConversationSettings>) => (scene: Scene) =>
  settings.change(scene.actor, scene.id, given)

const FREE: Row[] = [
  { act: 'read', ...always(ALL), attempt: ({ actor, id }) => conversations.get(actor, id) },
  {
    act: 'send',
    policy: 'postPolicy',
    everyone: ALL,
    admins: STAFF,
    attempt: ({ actor, id }) => messages.send(actor, id, { ...PLAIN, content: 'may I?' }),
  },
  {
    act: 'add members',
    policy: 'invitePolicy',
    everyone: ALL,
    admins: STAFF,
    attempt: async ({ actor, id }) => members.add(actor, id, await createUsers(pool, 1)),
  },
  {
    act: 'make invites',
    policy: 'invitePolicy',
    everyone: ALL,
    admins: STAFF,
    attempt: ({ actor, id }) => invites.create(actor, id, { expiresIn: null, maxUses: 1 }),
  },
  {
    act: 'list invites',
    policy: 'invitePolicy',
    everyone: ALL,
    admins: STAFF,
    attempt: ({ actor, id }) => invites.list(actor, id),
  },
  ...(['name', 'description', 'avatarUrl'] as const).map((field) => ({
    act: `change ${field}`,
    policy: 'infoPolicy' as const,
    everyone: ALL,
    admins: ADMINS,
    attempt: change({ [field]: 'https://example.org/new' }),
  })),
  { act: 'change postPolicy', ...always(ADMINS), attempt: change({ postPolicy: 'everyone' }) },
  { act: 'change invitePolicy', ...always(ADMINS), attempt: change({ invitePolicy: 'everyone' }) },
  { act: 'change infoPolicy', ...always(ADMINS), attempt: change({ infoPolicy: 'everyone' }) },
  { act: 'change historyVisibility', ...always(ADMINS), attempt: change({ historyVisibility: 'all' }) },
  { act: 'change messageTtl', ...always(ADMINS), attempt: change({ messageTtl: 60 }) },
  {
    act: 'delete the group',
    ...always(OWNER),
    attempt: ({ actor, id }) => settings.delete(actor, id, address),
  },
]

interface UponRow {
  act: string
  roles: readonly Role[]
  attempt(scene: Scene): Promise<unknown>
}

const UPON: UponRow[] = [
  {
    act: 'remove',
    roles: STAFF,
    attempt: ({ actor, id, target }) => members.remove(actor, id, target.userId, address),
  },
  {
    act: 'make a moderator of',
    roles: ADMINS,
    attempt: ({ actor, id, target }) =>
      members.setRole(actor, id, { userId: target.userId, role: 'moderator' }, address),
  },
  {
    act: 'transfer the group to',
    roles: OWNER,
    attempt: ({ actor, id, target }) => members.transfer(actor, id, target.userId, address),
  },
]

/** `yes`, or the code of the refusal. */
async function outcome(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return 'yes'
  } catch (error) {
    if (error instanceof DomainError) return error.code
    throw error
  }
}

async function scene(actorRole: Role, targetRole: Role, policy?: PolicyName, value?: Policy): Promise<Scene> {
  // Two of each: of one's own role there is another.
  const roles = ['owner', 'admin', 'admin', 'moderator', 'moderator', 'member', 'member'] as const
  const { id, actors } = await groupOf(pool, roles)
  const actor = actors[roles.indexOf(actorRole)]
  const target = actors[roles.lastIndexOf(targetRole)]
  if (!actor || !target) throw new Error('every role is there')
  if (policy && value) {
    const owner = actors[0]
    await settings.change(owner, id, { [policy]: value })
  }
  return { id, actor, target }
}

describe('in a group', () => {
  it.each(FREE)('may or may not: $act', async ({ policy, attempt, ...row }) => {
    for (const value of ['everyone', 'admins'] as const) {
      for (const role of ROLES) {
        const where = await scene(role, 'member', policy, value)
        const expected = row[value].includes(role) ? 'yes' : 'forbidden'
        expect([value, role, await outcome(attempt(where))]).toEqual([value, role, expected])
      }
    }
  })

  it.each(UPON)('never upon an equal or higher role: $act', async ({ roles, attempt }) => {
    for (const role of ROLES) {
      for (const upon of ROLES.filter((one) => one !== 'owner' || role !== 'owner')) {
        const where = await scene(role, upon)
        const may = roles.includes(role) && BELOW[role].includes(upon)
        expect([role, upon, await outcome(attempt(where))]).toEqual([role, upon, may ? 'yes' : 'forbidden'])
      }
    }
  })

  it('gives nobody a role like their own or above', async () => {
    for (const role of ['owner', 'admin'] as const) {
      for (const given of ['admin', 'moderator', 'member'] as const) {
        const { actor, id, target } = await scene(role, 'member')
        const tried = members.setRole(actor, id, { userId: target.userId, role: given }, address)
        const expected = BELOW[role].includes(given) ? 'yes' : 'forbidden'
        expect([role, given, await outcome(tried)]).toEqual([role, given, expected])
      }
    }
  })

  it('is not there for who is no member, whatever they try', async () => {
    const { id, target } = await scene('owner', 'member')
    const [stranger] = await createUsers(pool, 1)
    if (!stranger) throw new Error('a user was asked for')
    for (const { act, attempt } of [...FREE, ...UPON]) {
      expect([act, await outcome(attempt({ id, actor: actorOf(stranger), target }))]).toEqual([
        act,
        'not_found',
      ])
    }
  })
})

describe('in a direct conversation', () => {
  it('only how long messages live is changed, by both', async () => {
    const [ann, bob] = (await createUsers(pool, 2)).map(actorOf)
    if (!ann || !bob) throw new Error('two users were asked for')
    const { conversation } = await conversations.create(ann, {
      kind: 'direct',
      memberIds: [bob.userId],
      name: null,
      description: null,
      clientId: null,
    })
    const may = new Set(['read', 'send', 'change messageTtl'])
    for (const { act, attempt } of [...FREE, ...UPON]) {
      for (const actor of [ann, bob]) {
        const target = actor === ann ? bob : ann
        const expected = may.has(act) ? 'yes' : 'forbidden'
        expect([act, await outcome(attempt({ id: conversation.id, actor, target }))]).toEqual([act, expected])
      }
    }
    expect(await outcome(members.leave(ann, conversation.id, address))).toBe('forbidden')
  })

  it("who is blocked does not say how long the other one's messages live", async () => {
    const [ann, bob] = (await createUsers(pool, 2)).map(actorOf)
    if (!ann || !bob) throw new Error('two users were asked for')
    const input = { kind: 'direct', name: null, description: null, clientId: null } as const
    const { conversation } = await conversations.create(ann, { ...input, memberIds: [bob.userId] })
    await new PostgresBlocks(new Sql(pool)).set(ann.userId, bob.userId, true, new Date())
    const attempt = (actor: Actor) => settings.change(actor, conversation.id, { messageTtl: 60 })
    expect(await outcome(attempt(bob))).toBe('blocked')
    expect(await outcome(attempt(ann))).toBe('yes')
  })
})
