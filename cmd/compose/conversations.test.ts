import { describe, expect, it } from '@jest/globals'
import { LiveRecord } from '../../internal/testkit/conversation-world.ts'
import { createUsers } from '../../internal/testkit/fixtures.ts'
import type { Answer } from '../../internal/testkit/http-node.ts'
import { identityWorld, register } from '../../internal/testkit/identity-world.ts'
import { composeConversations } from './conversation.ts'
import { composeIdentity } from './identity.ts'

// Conversations over REST, and what live delivery is told of each act.

const live = new LiveRecord()
const world = await identityWorld((options) => {
  const identity = composeIdentity(options)
  const { pool, clock, publicUrl } = options
  const { users, audit } = identity
  const relay = { wake: () => {} }
  const chat = composeConversations({ pool, users, live, relay, audit, clock, publicUrl })
  return { authenticator: identity.authenticator, routes: [...identity.routes, ...chat.routes] }
})
const node = await world.startNode()

interface Person {
  id: string
  call(method: string, path: string, body?: unknown): Promise<Answer>
}

async function person(): Promise<Person> {
  const { user, accessToken: token } = await register(node)
  return { id: user.id, call: (method, path, body) => node.call(method, path, { token, body }) }
}

const [ann, bob, eve] = [await person(), await person(), await person()]

/** A group of Ann's with these; what live delivery was told of it is forgotten. */
async function group(...others: { id: string }[]): Promise<string> {
  const memberIds = others.map(({ id }) => id)
  const { body } = await ann.call('POST', '/conversations', { kind: 'group', name: 'Us', memberIds })
  live.clear()
  return `/conversations/${body.id}`
}

const idOf = (path: string) => path.split('/').at(-1)

describe('members', () => {
  it('are added by members, who are told, and so are they', async () => {
    const path = await group(bob)
    const added = await bob.call('POST', `${path}/members`, { userIds: [eve.id, bob.id, eve.id] })
    expect(added).toMatchObject({ status: 201, body: { nextCursor: null } })
    expect(added.body.items.map((one: { user: { id: string } }) => one.user.id).toSorted()).toEqual(
      [bob.id, eve.id].toSorted(),
    )
    expect(live.events).toEqual(['conversationCreated', 'membersChanged', 'messageCreated'])
    expect(live.told[0]).toEqual(['conversationCreated', idOf(path), [eve.id]])
    expect(live.members).toMatchObject({
      conversationId: idOf(path),
      memberVersion: 2,
      joined: [{ user: { id: eve.id }, role: 'member' }],
      left: [],
      updated: [],
    })
    expect(live.message).toMatchObject({
      memberVersion: 2,
      message: { type: 'system', system: { event: 'member_joined', actorId: bob.id, userIds: [eve.id] } },
    })

    live.clear()
    expect(await ann.call('POST', `${path}/members`, { userIds: [eve.id] })).toMatchObject({ status: 200 })
    expect(live.events).toEqual([])
    expect((await ann.call('GET', path)).body.memberCount).toBe(3)
  })

  it('see first that they joined, and have nothing unread', async () => {
    const path = await group(bob)
    await ann.call('POST', `${path}/members`, { userIds: [eve.id] })
    expect((await eve.call('GET', path)).body).toMatchObject({
      seq: 2,
      joinedSeq: 1,
      readSeq: 1,
      deliveredSeq: 1,
      unread: 0,
      mentions: 0,
      role: 'member',
      lastMessage: { seq: 2, type: 'system', system: { event: 'member_joined' } },
    })
  })

  it('are refused for what they are', async () => {
    const path = await group()
    const add = (userIds: unknown) => ann.call('POST', `${path}/members`, { userIds })
    const nobody = '01900000-0000-7000-8000-000000000000'
    expect(await add([bob.id, nobody])).toMatchObject({ status: 404, body: { code: 'not_found' } })
    for (const bad of [[], ['x'], undefined, Array(10_000).fill(bob.id)])
      expect(await add(bad)).toMatchObject({ status: 400 })
    const blocker = await person()
    await blocker.call('PUT', `/users/${ann.id}/block`)
    expect(await add([blocker.id])).toMatchObject({ status: 403, body: { code: 'blocked' } })
    const around = { kind: 'group', name: 'Us', memberIds: [blocker.id] }
    expect(await ann.call('POST', '/conversations', around)).toMatchObject({
      status: 403,
      body: { code: 'blocked' },
    })
    expect((await ann.call('GET', path)).body.memberCount).toBe(1)
  })

  it('are added in steps when they are many', async () => {
    const path = await group()
    const userIds = await createUsers(world.pool, 1100)
    const added = await ann.call('POST', `${path}/members`, { userIds })
    expect([added.status, added.body.items.length]).toEqual([201, 1100])
    expect((await ann.call('GET', path)).body).toMatchObject({ memberCount: 1101, seq: 4 })
    expect(live.message.message.system?.userIds).toHaveLength(100)
  })

  it('get another role, which is told and audited', async () => {
    const path = await group(bob)
    const patch = (role: unknown) => ann.call('PATCH', `${path}/members/${bob.id}`, { role })
    const before = await world.audited('conversation.role_change', ann.id)
    expect(await patch('moderator')).toMatchObject({
      status: 200,
      body: { user: { id: bob.id }, role: 'moderator' },
    })
    expect(live.members).toMatchObject({ updated: [{ role: 'moderator' }], memberVersion: 2 })
    expect(live.told.slice(1)).toEqual([['preferencesChanged', bob.id, idOf(path)]])
    live.clear()
    expect(await patch('moderator')).toMatchObject({ status: 200 })
    expect(live.events).toEqual([])
    expect(await world.audited('conversation.role_change', ann.id)).toBe(before + 1)
    for (const bad of ['owner', 'king', null]) expect(await patch(bad)).toMatchObject({ status: 400 })
    expect(await ann.call('PATCH', `${path}/members/${eve.id}`, { role: 'admin' })).toMatchObject({
      status: 404,
    })
  })

  it('are removed: told, remembered, and gone', async () => {
    const path = await group(bob, eve)
    const remove = () => ann.call('DELETE', `${path}/members/${bob.id}`)
    expect(await remove()).toMatchObject({ status: 204 })
    expect(live.events).toEqual(['membersChanged', 'messageCreated'])
    expect(live.members).toMatchObject({
      left: [{ member: { user: { id: bob.id } }, reason: 'removed' }],
    })
    expect(live.message.message.system).toMatchObject({ event: 'member_removed', userIds: [bob.id] })
    expect(await remove()).toMatchObject({ status: 204 })
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', '/members'],
      ['GET', '/invites'],
      ['GET', '/preferences'],
      ['PATCH', ''],
      ['PATCH', '/preferences'],
      ['POST', '/leave'],
      ['DELETE', ''],
    ] as const) {
      const body = method === 'PATCH' ? {} : undefined
      expect([method, rest, (await bob.call(method, path + rest, body)).status]).toEqual([method, rest, 404])
    }
    const { rows } = await world.pool.query('select reason from past_memberships where user_id = $1', [
      bob.id,
    ])
    expect(rows).toContainEqual({ reason: 'removed' })
    expect((await ann.call('GET', path)).body.memberCount).toBe(2)
  })

  it('leave, but for the owner, and come back with a clean slate', async () => {
    const path = await group(bob)
    expect(await ann.call('POST', `${path}/leave`)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    await bob.call('PATCH', `${path}/preferences`, { pinned: true, draft: 'never sent' })
    live.clear()
    expect(await bob.call('POST', `${path}/leave`)).toMatchObject({ status: 204 })
    expect(live.members).toMatchObject({
      left: [{ member: { user: { id: bob.id } }, reason: 'left' }],
    })
    expect(live.message.message.system).toMatchObject({ event: 'member_left', actorId: bob.id })
    expect(await bob.call('POST', `${path}/leave`)).toMatchObject({ status: 404 })
    await ann.call('POST', `${path}/members`, { userIds: [bob.id] })
    expect((await bob.call('GET', path)).body).toMatchObject({
      joinedSeq: 2,
      preferences: { pinned: false, draft: null },
    })
    const { rows } = await world.pool.query(
      'select 1 from past_memberships where user_id = $1 and conversation_id = $2',
      [bob.id, idOf(path)],
    )
    expect(rows).toEqual([])
  })

  it('who leave last take the group along', async () => {
    const path = await group()
    expect(await ann.call('DELETE', `${path}/members/${ann.id}`)).toMatchObject({ status: 204 })
    expect(live.events).toEqual(['conversationDeleted'])
    expect(await ann.call('GET', path)).toMatchObject({ status: 404 })
  })

  it('take over a group whose owner hands it on', async () => {
    const path = await group(bob)
    const transfer = (userId: unknown) => ann.call('POST', `${path}/transfer`, { userId })
    expect(await transfer(ann.id)).toMatchObject({ status: 400 })
    expect(await transfer(eve.id)).toMatchObject({ status: 404 })
    expect(await transfer(bob.id)).toMatchObject({ status: 200, body: { role: 'admin' } })
    expect(live.members.updated).toHaveLength(2)
    expect(live.message.message.system).toMatchObject({ event: 'ownership_transferred' })
    expect((await bob.call('GET', path)).body.role).toBe('owner')
    expect(await transfer(bob.id)).toMatchObject({ status: 403 })
    expect(await ann.call('POST', `${path}/leave`)).toMatchObject({ status: 204 })
  })
})

describe('what a conversation is', () => {
  it('is changed field by field, told once, and said in it', async () => {
    const path = await group(bob)
    const change = {
      name: 'Them',
      description: 'What we do',
      avatarUrl: 'https://example.org/a.png',
      postPolicy: 'admins',
      invitePolicy: 'admins',
      infoPolicy: 'admins',
      historyVisibility: 'all',
      messageTtl: 3600,
    }
    expect(await ann.call('PATCH', path, change)).toMatchObject({ status: 200, body: { ...change, seq: 2 } })
    expect(live.events).toEqual(['conversationUpdated', 'messageCreated'])
    expect((await bob.call('GET', path)).body).toMatchObject(change)
    live.clear()
    expect(await ann.call('PATCH', path, change)).toMatchObject({ status: 200, body: { seq: 2 } })
    expect(await ann.call('PATCH', path, {})).toMatchObject({ status: 200 })
    expect(live.events).toEqual([])
    const none = { name: null, description: null, avatarUrl: null, messageTtl: null }
    expect(await ann.call('PATCH', path, none)).toMatchObject({ status: 200, body: none })
    // Nothing of it is taken when a part of it is forbidden.
    await ann.call('PATCH', path, { infoPolicy: 'everyone' })
    expect(await bob.call('PATCH', path, { name: 'Mine', postPolicy: 'everyone' })).toMatchObject({
      status: 403,
    })
    expect((await ann.call('GET', path)).body.name).toBeNull()
  })

  it('is refused what is not valid', async () => {
    const path = await group()
    for (const bad of [
      { name: ' ' },
      { name: 'a'.repeat(129) },
      { name: 'a\nb' },
      { description: 'a'.repeat(1025) },
      { avatarUrl: 'javascript:alert(1)' },
      { postPolicy: 'nobody' },
      { historyVisibility: null },
      { messageTtl: 0 },
      { messageTtl: 1.5 },
      { messageTtl: 365 * 24 * 3600 + 1 },
      { kind: 'direct' },
    ])
      expect([bad, (await ann.call('PATCH', path, bad)).status]).toEqual([bad, 400])
  })

  it('ends for all when its owner deletes it', async () => {
    const path = await group(bob)
    const { body: invite } = await bob.call('POST', `${path}/invites`, {})
    live.clear()
    expect(await bob.call('DELETE', path)).toMatchObject({ status: 403 })
    expect(await ann.call('DELETE', path)).toMatchObject({ status: 204 })
    expect(live.told).toEqual([['conversationDeleted', idOf(path), 2]])
    for (const one of [ann, bob]) expect(await one.call('GET', path)).toMatchObject({ status: 404 })
    expect(await eve.call('GET', `/invites/${invite.code}`)).toMatchObject({ status: 404 })
    const listed = (await bob.call('GET', '/conversations?limit=100')).body.items
    expect(listed.map((one: { id: string }) => one.id)).not.toContain(idOf(path))
    // What the relay has not taken yet stays for it.
    const { rows } = await world.pool.query('select 1 from log where conversation_id = $1', [idOf(path)])
    expect(rows).toHaveLength(1)
    expect(await world.audited('conversation.delete', ann.id)).toBeGreaterThan(0)
  })

  it('in a direct one is how long messages live', async () => {
    const direct = { kind: 'direct', memberIds: [eve.id] }
    const { body } = await ann.call('POST', '/conversations', direct)
    const path = `/conversations/${body.id}`
    live.clear()
    expect(await eve.call('PATCH', path, { messageTtl: 60 })).toMatchObject({
      status: 200,
      body: { messageTtl: 60, seq: 1, lastMessage: { system: { event: 'conversation_updated' } } },
    })
    for (const [method, rest, given] of [
      ['PATCH', '', { name: 'Us' }],
      ['DELETE', '', undefined],
      ['POST', '/members', { userIds: [bob.id] }],
      ['POST', '/invites', {}],
      ['POST', '/leave', undefined],
      ['POST', '/transfer', { userId: eve.id }],
    ] as const)
      expect([method, rest, (await ann.call(method, path + rest, given)).status]).toEqual([method, rest, 403])
  })
})

describe('preferences', () => {
  it('are one’s own, and told to one’s own devices', async () => {
    const path = await group(bob)
    const initial = { mutedUntil: null, notify: 'all', pinned: false, archived: false, draft: null }
    expect(await bob.call('GET', `${path}/preferences`)).toMatchObject({ status: 200, body: initial })
    const change = { mutedUntil: '2030-01-01T00:00:00.000Z', notify: 'mentions', pinned: true, draft: 'Dear' }
    const changed = await bob.call('PATCH', `${path}/preferences`, change)
    expect(changed).toMatchObject({ status: 200, body: { ...initial, ...change } })
    expect(live.told).toEqual([['preferencesChanged', bob.id, idOf(path)]])
    expect((await bob.call('GET', path)).body.preferences).toEqual({ ...initial, ...change })
    expect((await ann.call('GET', path)).body.preferences).toEqual(initial)
    const back = { mutedUntil: null, draft: '', archived: true }
    expect(await bob.call('PATCH', `${path}/preferences`, back)).toMatchObject({
      body: { mutedUntil: null, draft: null, archived: true, pinned: true, notify: 'mentions' },
    })
    for (const bad of [{ notify: 'some' }, { mutedUntil: 'soon' }, { draft: 'a'.repeat(8001) }, { x: 1 }])
      expect(await bob.call('PATCH', `${path}/preferences`, bad)).toMatchObject({ status: 400 })
  })
})
