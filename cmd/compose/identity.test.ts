import { describe, expect, it } from '@jest/globals'
import {
  identityWorld,
  login,
  me,
  PASSWORD,
  refresh,
  register,
  uniqueName,
} from '../../internal/testkit/identity-world.ts'
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()
const two = await world.startNode()

describe('registration', () => {
  it('makes an account that is signed in', async () => {
    const email = `Ann+${uniqueName()}@Bücher.example`
    const user = await register(one, { email, phone: '+1 (555) 123-4567', displayName: 'Ann Ä' })
    expect(user.user).toMatchObject({
      displayName: 'Ann Ä',
      email,
      phone: '+15551234567',
      emailVerified: false,
      totpEnabled: false,
      role: 'user',
    })
    expect(user.session).toMatchObject({ current: true, address: '127.0.0.1' })
    expect(await me(one, user.accessToken)).toMatchObject({ status: 200, body: user.user })
    expect(await world.audited('auth.register', user.user.id)).toBe(1)
  })

  it('gives one username to one of two hundred who ask at once', async () => {
    const username = uniqueName()
    const spelled = (i: number) => (i % 2 ? username : username.toUpperCase())
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        (i % 3 ? one : two).call('POST', '/auth/register', {
          body: { username: spelled(i), password: PASSWORD },
        }),
      ),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(199)
    expect(answers.find(({ status }) => status === 409)?.body.errors).toEqual([
      { path: 'username', message: 'is taken' },
    ])
  })

  it('gives an address to one account, however it is written', async () => {
    const name = uniqueName()
    await register(one, { email: `${name}@bücher.example` })
    const body = {
      username: uniqueName(),
      password: PASSWORD,
      email: `${name.toUpperCase()}@xn--bcher-kva.EXAMPLE`,
    }
    expect(await one.call('POST', '/auth/register', { body })).toMatchObject({
      status: 409,
      body: { code: 'conflict', errors: [{ path: 'email' }] },
    })
  })

  it.each([
    ['a Cyrillic а', { username: 'аnn' }],
    ['a zero-width joiner', { username: 'an\u200dn' }],
    ['a space', { username: 'a nn' }],
    ['SQL', { username: "a';drop--" }],
    ['two dots', { username: 'a..b' }],
    ['one letter', { username: 'a' }],
    ['33 letters', { username: 'a'.repeat(33) }],
    ['an address as name', { username: 'a@b.c' }],
    ['a short password', { password: 'short' }],
    ['a huge password', { password: 'a'.repeat(257) }],
    ['not an email', { email: 'a@b' }],
    ['a header in an email', { email: 'a@b.example\nBcc: c@d.example' }],
    ['a phone without country', { phone: '5551234567' }],
    ['letters in a phone', { phone: '+1555CALLNOW' }],
    ['a direction override', { displayName: 'a\u202eb' }],
    ['an unknown field', { role: 'admin' }],
  ])('refuses %s', async (_what, over) => {
    const body = { username: uniqueName(), password: PASSWORD, ...over }
    expect(await one.call('POST', '/auth/register', { body })).toMatchObject({
      status: 400,
      body: { code: 'validation_failed' },
    })
  })
})

describe('sign-in', () => {
  it('works by username, email and phone', async () => {
    const email = `${uniqueName()}@example.org`
    const phone = `+4930${Math.floor(Math.random() * 1e8)}1`
    const { user } = await register(one, { email, phone })
    for (const identifier of [user.username.toUpperCase(), email, ` ${email.toUpperCase()}`, phone])
      expect(await login(one, identifier)).toMatchObject({ status: 200, body: { user: { id: user.id } } })
    expect(await world.audited('auth.sign_in', user.id)).toBe(4)
  })

  it('answers a wrong password and an unknown account alike', async () => {
    const { user } = await register(one)
    const wrong = await login(one, user.username, 'not the password')
    const unknown = await login(one, uniqueName())
    const nonsense = await login(one, '"; drop table users')
    const told = ({ status, body: { code, detail } }: typeof wrong) => ({ status, code, detail })
    expect(told(wrong)).toMatchObject({ status: 401, code: 'unauthenticated' })
    expect(told(unknown)).toEqual(told(wrong))
    expect(told(nonsense)).toEqual(told(wrong))
  })

  it('is refused while suspended, which also ends what is open', async () => {
    const { user, accessToken, refreshToken } = await register(one)
    await world.pool.query(`update users set status = 'suspended' where id = $1`, [user.id])
    expect(await login(one, user.username)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 403 })
    await world.forgetSessions()
    expect(await me(one, accessToken)).toMatchObject({ status: 403 })
  })

  it('names the device', async () => {
    const { user } = await register(one)
    const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
    const signed = await login(one, user.username, PASSWORD, {
      'user-agent': agent,
      'x-forwarded-for': '203.0.113.7',
    })
    expect(signed.body.session).toMatchObject({ deviceName: 'Firefox on Linux', address: '203.0.113.7' })
  })

  it('stops guessing from one address without locking the owner out', async () => {
    const { user } = await register(one)
    const limited = await world.startNode(1)
    const guess = (address: string, password: string) =>
      limited.call('POST', '/auth/login', {
        body: { identifier: user.username, password },
        headers: { 'x-forwarded-for': address },
      })
    const guesses = await Promise.all(Array.from({ length: 25 }, () => guess('198.51.100.1', 'guess')))
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(10)
    const refused = guesses.find(({ status }) => status === 429)
    expect(refused?.body.code).toBe('rate_limited')
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    for (let i = 0; i < 100; i++) await guess(`198.51.101.${i}`, 'guess')
    expect(await guess('198.51.100.77', PASSWORD)).toMatchObject({ status: 429 })
    // Where the owner registered from, the strangers' count does not hold.
    expect(await guess('127.0.0.1', PASSWORD)).toMatchObject({ status: 200 })
    await limited.close()
  }, 60_000)
})
