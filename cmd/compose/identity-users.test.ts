import { describe, expect, it } from '@jest/globals'
import { identityWorld, login, me, register, uniqueName } from '../../internal/testkit/identity-world.ts'
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()

describe('users', () => {
  it('change their profile', async () => {
    const { accessToken, user } = await register(one)
    const username = uniqueName()
    const change = { username, displayName: 'New', avatarUrl: 'https://example.org/a.png' }
    const changed = await one.call('PATCH', '/users/me', { token: accessToken, body: change })
    expect(changed).toMatchObject({ status: 200, body: { ...user, ...change } })
    expect(await login(one, username)).toMatchObject({ status: 200 })
    const { user: other } = await register(one)
    const taken = { username: other.username.toUpperCase() }
    expect(await one.call('PATCH', '/users/me', { token: accessToken, body: taken })).toMatchObject({
      status: 409,
    })
    for (const body of [{ avatarUrl: 'javascript:alert(1)' }, { role: 'admin' }, { displayName: ' ' }])
      expect(await one.call('PATCH', '/users/me', { token: accessToken, body })).toMatchObject({
        status: 400,
      })
  })

  it('put up a picture by its address, and take it away', async () => {
    const { accessToken } = await register(one)
    const put = (url: unknown) => one.call('PUT', '/users/me/avatar', { token: accessToken, body: { url } })
    const url = 'https://example.org/a.png'
    expect(await put(url)).toMatchObject({ status: 200, body: { avatarUrl: url } })
    for (const bad of [
      'http://example.org/a.png',
      'javascript:alert(1)',
      `https://e.org/${'a'.repeat(2048)}`,
      null,
    ])
      expect(await put(bad)).toMatchObject({ status: 400 })
    expect((await me(one, accessToken)).body.avatarUrl).toBe(url)
    for (let again = 0; again < 2; again++)
      expect(await one.call('DELETE', '/users/me/avatar', { token: accessToken })).toMatchObject({
        status: 204,
      })
    expect((await me(one, accessToken)).body.avatarUrl).toBeNull()
  })

  it('see of others what is public', async () => {
    const { user } = await register(one, { email: `${uniqueName()}@example.org` })
    const { accessToken } = await register(one)
    const seen = await one.call('GET', `/users/${user.id}`, { token: accessToken })
    expect(Object.keys(seen.body).sort()).toEqual(
      ['avatarUrl', 'createdAt', 'displayName', 'id', 'lastSeenAt', 'publicId', 'username'].sort(),
    )
    const nobody = await one.call('GET', '/users/01900000-0000-7000-8000-000000000000', {
      token: accessToken,
    })
    expect(nobody).toMatchObject({ status: 404 })
  })

  it('hide when they were last seen', async () => {
    const { user, accessToken } = await register(one)
    await world.pool.query('update users set last_seen_at = now() where id = $1', [user.id])
    const other = await register(one)
    const seen = () => one.call('GET', `/users/${user.id}`, { token: other.accessToken })
    expect((await seen()).body.lastSeenAt).not.toBeNull()
    await one.call('PATCH', '/users/me', { token: accessToken, body: { hideLastSeen: true } })
    expect((await seen()).body.lastSeenAt).toBeNull()
  })

  it('are found by the beginning of a username, page by page', async () => {
    const stem = uniqueName()
    for (const end of ['c', 'a', 'b']) await register(one, { username: `${stem}${end}` })
    const { accessToken } = await register(one)
    const find = (query: string) => one.call('GET', `/users?query=${query}`, { token: accessToken })
    const first = await find(`${stem.toUpperCase()}&limit=2`)
    expect(first.body.items.map((user: { username: string }) => user.username)).toEqual([
      `${stem}a`,
      `${stem}b`,
    ])
    const second = await find(`${stem}&limit=2&cursor=${first.body.nextCursor}`)
    expect(second.body).toMatchObject({ items: [{ username: `${stem}c` }], nextCursor: null })
    expect((await find('%25')).body.items).toEqual([])
    expect((await find(`${stem.slice(0, 3)}_`)).body.items).toEqual([])
  })

  it('are found by a whole address, verified or not, or public id, which is not answered', async () => {
    const email = `${uniqueName()}@example.org`
    const { user } = await register(one, { email })
    const { accessToken } = await register(one)
    const find = async (query: string) =>
      (await one.call('GET', `/users?query=${encodeURIComponent(query)}`, { token: accessToken })).body.items
    expect(await find(email)).toMatchObject([{ id: user.id }])
    await world.pool.query('update identities set verified_at = now() where user_id = $1', [user.id])
    expect(await find(email.toUpperCase())).toMatchObject([{ id: user.id }])
    expect(JSON.stringify(await find(email))).not.toContain('example.org')
    expect(await find(email.slice(1))).toEqual([])
    expect(await find(user.publicId)).toMatchObject([{ id: user.id }])
  })

  it('are found by a rotated public id no more', async () => {
    const { user, accessToken } = await register(one)
    const rotated = await one.call('POST', '/users/me/public-id/rotate', { token: accessToken })
    expect(rotated.body.publicId).not.toBe(user.publicId)
    const found = await one.call('GET', `/users?query=${user.publicId}`, { token: accessToken })
    expect(found.body.items).toEqual([])
  })

  it('are loaded in bulk', async () => {
    const { user } = await register(one)
    const missing = '01900000-0000-7000-8000-000000000000'
    const found = await one.identity.users.byIds([user.id, missing, user.id] as never[])
    expect([...found.keys()]).toEqual([user.id])
  })
})
