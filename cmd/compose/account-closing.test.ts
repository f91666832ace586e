import { describe, expect, it } from '@jest/globals'
import { type UserId, uuidv7 } from '../../internal/domain/ids.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import {
  identityWorld,
  login,
  MINUTE,
  me,
  PASSWORD,
  refresh,
  register,
  uniqueName,
} from '../../internal/testkit/identity-world.ts'
import { totpCode } from '../../internal/testkit/totp.ts'
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()

const close = (token: string, body: unknown = { password: PASSWORD }) =>
  one.call('DELETE', '/users/me', { token, body })
const count = async (table: string, column: string, id: string): Promise<number> => {
  const { rows } = await world.pool.query(`select count(*)::int n from ${table} where ${column} = $1`, [id])
  return rows[0].n
}

/** A group of theirs, as far as accounts know of it. */
async function aGroupOf(userId: string): Promise<void> {
  const id = uuidv7()
  await world.pool.query(
    `with made as (
       insert into conversations (id, kind, name, member_count, created_by) values ($1, 'group', 'g', 1, $2)),
     head as (insert into heads (conversation_id, epoch) values ($1, 'e'))
     insert into conversation_members
       (conversation_id, user_id, role, joined_seq, delivered_seq, read_seq, read_ordinal)
     values ($1, $2, 'owner', 0, 0, 0, 0)`,
    [id, userId],
  )
}

describe('deleting an account', () => {
  it('asks for the password, and for the second factor where there is one', async () => {
    const { accessToken } = await register(one)
    expect(await close(accessToken, { password: 'wrong password' })).toMatchObject({ status: 403 })
    const made = await one.call('POST', '/auth/totp/setup', { token: accessToken })
    const enable = { code: totpCode(made.body.secret, world.clock.now()) }
    await one.call('POST', '/auth/totp/enable', { token: accessToken, body: enable })
    expect(await close(accessToken)).toMatchObject({ status: 401, body: { code: 'totp_required' } })
    expect(await me(one, accessToken)).toMatchObject({ status: 200 })
    world.skewMs = MINUTE
    const code = totpCode(made.body.secret, world.clock.now())
    expect(await close(accessToken, { password: PASSWORD, code })).toMatchObject({ status: 204 })
  })

  it('asks for no password just after signing in', async () => {
    const [fresh, late] = [await register(one), await register(one)]
    expect(await one.call('DELETE', '/users/me', { token: fresh.accessToken })).toMatchObject({ status: 204 })
    world.skewMs += 11 * MINUTE
    expect(await close(late.accessToken, {})).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'password' }] },
    })
    expect(await close(late.accessToken)).toMatchObject({ status: 204 })
  })

  it('is refused to personal tokens, and to guessing', async () => {
    const limited = await world.startNode(1)
    const { accessToken } = await register(limited)
    const made = await limited.call('POST', '/auth/tokens', {
      token: accessToken,
      body: { name: 'program', scopes: ['profile'] },
    })
    expect(await close(made.body.token)).toMatchObject({ status: 403 })
    const guess = () =>
      limited.call('DELETE', '/users/me', { token: accessToken, body: { password: 'wrong password' } })
    for (let i = 0; i < 10; i++) expect(await guess()).toMatchObject({ status: 403 })
    expect(await guess()).toMatchObject({ status: 429 })
  })

  it('leaves nothing but that there was somebody', async () => {
    const email = `${uniqueName()}@example.org`
    const { user, accessToken, refreshToken, session } = await register(one, { email, displayName: 'Ann' })
    const other = await register(one)
    const made = await one.call('POST', '/auth/tokens', {
      token: accessToken,
      body: { name: 'program', scopes: ['profile'] },
    })
    await one.call('PUT', `/users/${other.user.id}/block`, { token: accessToken })
    await one.call('POST', '/auth/otp/request', { body: { email, purpose: 'verify' } })
    await aGroupOf(user.id)

    expect(await close(accessToken)).toMatchObject({ status: 204 })
    expect(world.ended).toEqual(expect.arrayContaining([session.id, made.body.id]))
    expect(await me(one, accessToken)).toMatchObject({ status: 401 })
    await eventually(async () => expect(await me(one, made.body.token)).toMatchObject({ status: 401 }))
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 401 })
    for (const name of [user.username, email]) expect(await login(one, name)).toMatchObject({ status: 401 })

    const seen = await one.call('GET', `/users/${user.id}`, { token: other.accessToken })
    expect(seen.body).toMatchObject({ displayName: 'Deleted user', avatarUrl: null, lastSeenAt: null })
    expect(JSON.stringify(seen.body)).not.toContain(user.username)
    expect(JSON.stringify(seen.body)).not.toContain(user.publicId)
    for (const table of ['identities', 'credentials', 'recovery_codes', 'push_tokens', 'one_time_codes'])
      expect([table, await count(table, 'user_id', user.id)]).toEqual([table, 0])
    expect(await count('blocks', 'blocker_id', user.id)).toBe(0)
    const { rows } = await world.pool.query('select * from sessions where user_id = $1', [user.id])
    expect(rows).toMatchObject([{ device_name: 'Deleted', address: '', end_reason: 'deleted' }])
    expect(await count('erasures', 'user_id', user.id)).toBe(1)
    expect(await world.audited('user.delete', user.id)).toBe(1)
    expect(await one.identity.verifyAudit()).toMatchObject({ fault: null })
  })

  it('frees the username and the address, and happens once', async () => {
    const email = `${uniqueName()}@example.org`
    const { user, accessToken } = await register(one, { email })
    const answers = await Promise.all([close(accessToken), close(accessToken), close(accessToken)])
    for (const { status } of answers) expect([204, 401, 403]).toContain(status)
    expect(await world.audited('user.delete', user.id)).toBe(1)
    const again = await register(one, { username: user.username, email })
    expect(again.user.id).not.toBe(user.id)
  })

  it('is not undone by what was under way', async () => {
    const { user, accessToken } = await register(one)
    await close(accessToken)
    const id = user.id as UserId
    const actor = { userId: id, sessionId: user.id, scopes: new Set<never>() }
    await expect(one.identity.users.change(actor, { displayName: 'Ann again' })).rejects.toThrow(
      'No such user',
    )
    await expect(one.identity.users.rotatePublicId(actor)).rejects.toThrow('No such user')
    expect((await one.identity.users.get(id)).displayName).toBe('Deleted user')
  })
})
