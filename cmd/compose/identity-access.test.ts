import { describe, expect, it } from '@jest/globals'
import { SCOPES } from '../../internal/domain/user.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import { identityWorld, me, register } from '../../internal/testkit/identity-world.ts'
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()
const two = await world.startNode()

const tokens = (method: string, token: string, path = '', body?: unknown) =>
  one.call(method, `/auth/tokens${path}`, { token, ...(body !== undefined && { body }) })

async function personal(scopes: string[], over: Record<string, unknown> = {}) {
  const owner = await register(one)
  const created = await tokens('POST', owner.accessToken, '', { name: 'script', scopes, ...over })
  expect(created).toMatchObject({ status: 201, body: { name: 'script', scopes, lastUsedAt: null } })
  return { owner, created: created.body, token: created.body.token as string }
}

describe('personal access tokens', () => {
  it('speak for their owner, within their scopes', async () => {
    const { owner, token } = await personal(['profile', 'messages:read'])
    expect(await me(one, token)).toMatchObject({ status: 200, body: { id: owner.user.id } })
    const limited = (await personal(['messages:read'])).token
    expect(await me(one, limited)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await me(one, `${token.slice(0, -1)}x`)).toMatchObject({ status: 401 })
  })

  it('cannot touch sessions, passwords, tokens or the second factor', async () => {
    const { token } = await personal(['profile', 'messages:write', 'conversations:write'])
    const guarded = one.identity.routes.filter(({ scope }) => scope === 'session')
    expect(guarded.length).toBeGreaterThan(9)
    for (const { method, path } of guarded) {
      const url = path.replace(':id', '01900000-0000-7000-8000-000000000000')
      const answer = await one.call(method.toUpperCase(), url, {
        token,
        ...(method !== 'get' && { body: {} }),
      })
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    }
  })

  it('are listed without the token, with their last use', async () => {
    const { owner, created, token } = await personal(['profile'])
    await me(one, token)
    const { body } = await tokens('GET', owner.accessToken)
    const { token: _, ...shown } = created
    expect(body.items).toEqual([{ ...shown, lastUsedAt: expect.any(String) }])
    const { rows } = await world.pool.query(`select string_agg(t::text, ' ') as all from personal_tokens t`)
    expect(rows[0].all).not.toContain(token)
  })

  it('end when revoked, on every node within a second', async () => {
    const { owner, created, token } = await personal(['profile'])
    expect(await me(two, token)).toMatchObject({ status: 200 })
    const since = new Date()
    const revoke = () => tokens('DELETE', owner.accessToken, `/${created.id}`)
    expect(await revoke()).toMatchObject({ status: 204 })
    expect(await revoke()).toMatchObject({ status: 204 })
    expect(await me(one, token)).toMatchObject({ status: 401 })
    world.skewMs = 999
    expect(await me(two, token)).toMatchObject({ status: 401 })
    expect((await two.identity.sessions.endedSince(since)).ids).toContain(created.id)
    expect(world.ended).toContain(created.id)
    const stranger = await register(one)
    expect(await tokens('DELETE', stranger.accessToken, `/${created.id}`)).toMatchObject({ status: 404 })
  })

  it('end when they expire, and with the account', async () => {
    const { token } = await personal(['profile'], { expiresIn: 60 })
    expect(await me(one, token)).toMatchObject({ status: 200 })
    world.skewMs = 60_000
    expect(await me(one, token)).toMatchObject({ status: 401 })
    world.skewMs = 0
    const other = await personal(['profile'])
    await world.pool.query(`update users set status = 'suspended' where id = $1`, [other.owner.user.id])
    expect(await me(one, other.token)).toMatchObject({ status: 403 })
  })

  it('carry no right that their owner lacks', async () => {
    const { accessToken, user } = await register(one)
    const asked = { name: 'x', scopes: ['admin'] }
    expect(await tokens('POST', accessToken, '', asked)).toMatchObject({ status: 403 })
    await world.pool.query(`update users set role = 'admin' where id = $1`, [user.id])
    let token = ''
    await eventually(async () => {
      const created = await tokens('POST', accessToken, '', asked)
      expect(created).toMatchObject({ status: 201 })
      token = created.body.token
    })
    const actor = await one.identity.authenticator.authenticate(token)
    expect([...actor.scopes]).toEqual(['admin'])
    await world.pool.query(`update users set role = 'user' where id = $1`, [user.id])
    world.skewMs = 999
    const later = await one.identity.authenticator.authenticate(token)
    expect([...later.scopes]).toEqual([])
  })

  it('are fifty at most, asked for at once too', async () => {
    const { accessToken } = await register(one)
    const make = () => tokens('POST', accessToken, '', { name: 'x', scopes: ['profile'] })
    const made = await Promise.all(Array.from({ length: 53 }, make))
    expect(made.filter(({ status }) => status === 201)).toHaveLength(50)
    expect(made.filter(({ status }) => status === 409)).toHaveLength(3)
  })

  it.each([
    ['no scope', { name: 'x', scopes: [] }],
    ['an unknown scope', { name: 'x', scopes: ['root'] }],
    ['no name', { name: ' ', scopes: ['profile'] }],
    ['an age of a second', { name: 'x', scopes: ['profile'], expiresIn: 1 }],
  ])('are refused with %s', async (_what, body) => {
    const { accessToken } = await register(one)
    expect(await tokens('POST', accessToken, '', body)).toMatchObject({ status: 400 })
  })
})

describe('every route', () => {
  it('names who may call it', () => {
    const known = [...SCOPES, 'session', 'open']
    for (const { scope } of one.identity.routes) expect(known).toContain(scope)
  })

  it('refuses a stranger unless it is open', async () => {
    for (const { method, path, scope } of one.identity.routes.filter(({ root }) => !root)) {
      const answer = await one.call(method.toUpperCase(), path.replaceAll(/:\w+/g, 'x'))
      if (scope === 'open') expect(answer.body.code).not.toBe('forbidden')
      else expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    }
  })
})

describe('blocks', () => {
  const put = (token: string, id: string) => one.call('PUT', `/users/${id}/block`, { token })
  const lift = (token: string, id: string) => one.call('DELETE', `/users/${id}/block`, { token })
  const list = (token: string, query = '') => one.call('GET', `/users/me/blocks${query}`, { token })

  it('are set, listed and lifted, again without error', async () => {
    const me = await register(one)
    const others = [await register(one), await register(one)]
    for (const { user } of [...others, ...others]) {
      expect(await put(me.accessToken, user.id)).toMatchObject({ status: 204 })
    }
    const first = (await list(me.accessToken, '?limit=1')).body
    expect(first.items).toHaveLength(1)
    const second = (await list(me.accessToken, `?limit=1&cursor=${first.nextCursor}`)).body
    expect([first.items[0].id, second.items[0].id].sort()).toEqual(others.map(({ user }) => user.id).sort())
    expect(second.nextCursor).toBeNull()
    const { user } = others[0]
    expect(await one.identity.blocks.among(user.id, [me.user.id])).toEqual({
      blockedBy: new Set([me.user.id]),
      blocking: new Set(),
    })
    for (let i = 0; i < 2; i++) expect(await lift(me.accessToken, user.id)).toMatchObject({ status: 204 })
    expect((await list(me.accessToken)).body.items).toHaveLength(1)
    expect(await world.audited('user.block', me.user.id)).toBe(2)
    expect(await world.audited('user.unblock', me.user.id)).toBe(1)
  })

  it('are of others who exist', async () => {
    const { accessToken, user } = await register(one)
    expect(await put(accessToken, user.id)).toMatchObject({ status: 400 })
    expect(await put(accessToken, '01900000-0000-7000-8000-000000000000')).toMatchObject({ status: 404 })
  })

  it('make sends that were authorised before be authorised again', async () => {
    const [me, other] = [await register(one), await register(one)]
    const [low, high] = [me.user.id, other.user.id].sort()
    const id = '01900000-0000-7000-8000-0000000000aa'
    await world.pool.query(
      `insert into conversations (id, kind, member_count, created_by) values ($1, 'direct', 2, $2)`,
      [id, low],
    )
    await world.pool.query('insert into direct_pairs (low, high, conversation_id) values ($1, $2, $3)', [
      low,
      high,
      id,
    ])
    await world.pool.query(`insert into heads (conversation_id, epoch) values ($1, 'e')`, [id])
    await put(me.accessToken, other.user.id)
    const { rows } = await world.pool.query('select member_version from heads where conversation_id = $1', [
      id,
    ])
    expect(rows[0].member_version).toBe(2)
  })
})
