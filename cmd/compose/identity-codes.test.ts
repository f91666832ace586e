import { describe, expect, it } from '@jest/globals'
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
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()

const NEW_PASSWORD = 'battery staple'
const post = (path: string, body: unknown, node = one) => node.call('POST', `/auth/${path}`, { body })
const request = (address: Record<string, string>, purpose: string, node = one) =>
  post('otp/request', { ...address, purpose }, node)
const verify = (address: Record<string, string>, purpose: string, code: string, node = one) =>
  post('otp/verify', { ...address, purpose, code }, node)
const newEmail = () => `${uniqueName()}@example.org`
const other = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

/** Somebody whose address is verified. */
async function verified() {
  const email = newEmail()
  const signedIn = await register(one, { email })
  await request({ email }, 'verify')
  expect(await verify({ email }, 'verify', world.codeFor(email))).toMatchObject({ status: 204 })
  return { email, ...signedIn }
}

describe('the owner of an account', () => {
  const alerts = (email: string) =>
    world.notices.filter(({ to, notice }) => to === email && notice.kind === 'new_sign_in')
  const agent = (name: string, address = '198.51.100.7') => ({
    'user-agent': name,
    'x-forwarded-for': address,
  })

  it('is told of sign-ins from a device or an address not seen before, once each', async () => {
    const { email, user } = await verified()
    await login(one, user.username)
    expect(alerts(email)).toHaveLength(0)
    for (let again = 0; again < 2; again++) await login(one, user.username, PASSWORD, agent('Lynx'))
    expect(alerts(email)).toMatchObject([{ notice: { device: 'Lynx', address: '198.51.100.7' } }])
    await login(one, user.username, PASSWORD, agent('Lynx', '198.51.100.8'))
    expect(alerts(email)).toHaveLength(2)
    await login(one, user.username, 'wrong password', agent('Mosaic'))
    expect(alerts(email)).toHaveLength(2)
    await request({ email }, 'sign_in')
    const body = { email, purpose: 'sign_in', code: world.codeFor(email) }
    await one.call('POST', '/auth/otp/verify', { body, headers: agent('Netscape') })
    expect(alerts(email)).toHaveLength(3)
  })

  it('is not flooded by it, and not told at addresses nobody verified', async () => {
    const limited = await world.startNode(1)
    const { email, user } = await verified()
    for (let i = 0; i < 12; i++)
      expect(await login(limited, user.username, PASSWORD, agent(`Agent ${i}`))).toMatchObject({
        status: 200,
      })
    expect(alerts(email)).toHaveLength(10)
    const unverified = newEmail()
    const other = await register(one, { email: unverified })
    await login(one, other.user.username, PASSWORD, agent('Lynx'))
    expect(alerts(unverified)).toHaveLength(0)
  })
})

describe('one-time codes', () => {
  it('verify an email address and a phone number', async () => {
    const email = newEmail()
    const phone = `+4930${Date.now()}`.slice(0, 14)
    const { accessToken, user } = await register(one, { email, phone })
    for (const address of [{ email }, { phone }]) {
      expect(await request(address, 'verify')).toMatchObject({ status: 204 })
      const code = world.codeFor(email === Object.values(address)[0] ? email : phone)
      expect(code).toMatch(/^\d{6}$/)
      expect(await verify(address, 'verify', code)).toMatchObject({ status: 204 })
      expect(await verify(address, 'verify', code)).toMatchObject({ status: 401 })
    }
    expect((await me(one, accessToken)).body).toMatchObject({ emailVerified: true, phoneVerified: true })
    expect(await world.audited('user.identity_verify', user.id)).toBe(2)
  })

  it('sign in alone, at a verified address', async () => {
    const { email, user } = await verified()
    await request({ email: email.toUpperCase() }, 'sign_in')
    const signed = await verify({ email }, 'sign_in', world.codeFor(email))
    expect(signed).toMatchObject({ status: 200, body: { user: { id: user.id } } })
    expect(await me(one, signed.body.accessToken)).toMatchObject({ status: 200 })
  })

  it('are answered alike whether or not there is an account', async () => {
    const unverified = newEmail()
    await register(one, { email: unverified })
    for (const email of [newEmail(), unverified]) {
      expect(await request({ email }, 'sign_in')).toMatchObject({ status: 204, body: '' })
      expect(world.codeFor(email)).toBe('')
      expect(await verify({ email }, 'sign_in', '123456')).toMatchObject({
        status: 401,
        body: { code: 'unauthenticated' },
      })
    }
    expect(await post('password/forgot', { email: newEmail() })).toMatchObject({ status: 204 })
  })

  it('give five tries in all to parallel guesses', async () => {
    const { email } = await verified()
    await request({ email }, 'sign_in')
    const code = world.codeFor(email)
    const wrong = await Promise.all(
      Array.from({ length: 5 }, () => verify({ email }, 'sign_in', other(code))),
    )
    expect(wrong.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
    expect(await verify({ email }, 'sign_in', code)).toMatchObject({ status: 401 })
  })

  it('open one session however often they are used at once', async () => {
    const { email } = await verified()
    await request({ email }, 'sign_in')
    const code = world.codeFor(email)
    const answers = await Promise.all(Array.from({ length: 4 }, () => verify({ email }, 'sign_in', code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('end after ten minutes, with a new one, and serve their own purpose only', async () => {
    const { email } = await verified()
    await request({ email }, 'sign_in')
    const first = world.codeFor(email)
    expect(await verify({ email }, 'verify', first)).toMatchObject({ status: 401 })
    expect(await post('password/reset', { email, code: first, password: NEW_PASSWORD })).toMatchObject({
      status: 401,
    })
    await request({ email }, 'sign_in')
    const second = world.codeFor(email)
    if (second !== first) expect(await verify({ email }, 'sign_in', first)).toMatchObject({ status: 401 })
    world.skewMs = 10 * MINUTE + 1
    expect(await verify({ email }, 'sign_in', second)).toMatchObject({ status: 401 })
  })

  it('are not stored so that a thief of the database could use them', async () => {
    const { email } = await verified()
    await request({ email }, 'sign_in')
    const { rows } = await world.pool.query(`select string_agg(c::text, ' ') as all from one_time_codes c`)
    expect(rows[0].all).not.toContain(world.codeFor(email))
  })

  it('are sent to one address ten times an hour', async () => {
    const { email } = await verified()
    const limited = await world.startNode(1)
    const sent = await Promise.all(Array.from({ length: 15 }, () => request({ email }, 'sign_in', limited)))
    expect(sent.filter(({ status }) => status === 204)).toHaveLength(10)
    expect(sent.find(({ status }) => status === 429)?.body.code).toBe('rate_limited')
  })

  it('name the field that is wrong', async () => {
    const wrong = { purpose: 'verify', phone: '+15551234567', code: '12345' }
    expect((await post('otp/verify', wrong)).body.errors).toEqual([
      { path: 'code', message: 'must be six digits' },
    ])
  })

  it.each([
    ['no address', { purpose: 'verify' }],
    ['two addresses', { purpose: 'verify', email: 'a@b.example', phone: '+15551234567' }],
    ['another purpose', { purpose: 'reset', email: 'a@b.example' }],
    ['not an email', { purpose: 'verify', email: 'a b@c.example' }],
  ])('are refused for %s', async (_what, body) => {
    expect(await post('otp/request', body)).toMatchObject({ status: 400 })
  })
})

describe('passwords', () => {
  it('are reset by a code, which ends every session', async () => {
    const { email, user, accessToken, refreshToken } = await verified()
    expect(await post('password/forgot', { email })).toMatchObject({ status: 204 })
    const code = world.codeFor(email)
    const weak = { email, code, password: 'short' }
    expect(await post('password/reset', weak)).toMatchObject({ status: 400 })
    const reset = { email, code, password: NEW_PASSWORD }
    expect(await post('password/reset', reset)).toMatchObject({ status: 204 })
    expect(await post('password/reset', reset)).toMatchObject({ status: 401 })
    expect(await me(one, accessToken)).toMatchObject({ status: 401 })
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 401 })
    expect(await login(one, email)).toMatchObject({ status: 401 })
    expect(await login(one, email, NEW_PASSWORD)).toMatchObject({ status: 200 })
    expect(await world.audited('auth.password_reset', user.id)).toBe(1)
    expect(world.notices.at(-1)).toEqual({ to: email, notice: { kind: 'password_changed' } })
  })

  it('are changed by who knows the current one, which ends other sessions', async () => {
    const { email, accessToken, user } = await verified()
    const elsewhere = (await login(one, email)).body
    const change = (currentPassword: string) =>
      one.call('PUT', '/auth/password', {
        token: accessToken,
        body: { currentPassword, newPassword: NEW_PASSWORD },
      })
    expect(await change('not it')).toMatchObject({ status: 403 })
    expect(await change(PASSWORD)).toMatchObject({ status: 204 })
    expect(await me(one, accessToken)).toMatchObject({ status: 200 })
    expect(await me(one, elsewhere.accessToken)).toMatchObject({ status: 401 })
    expect(await login(one, email, NEW_PASSWORD)).toMatchObject({ status: 200 })
    expect(await world.audited('auth.password_changed', user.id)).toBe(1)
  })

  it('are hashed anew at sign-in when the parameters were raised', async () => {
    const { user } = await register(one)
    const { hash } = await import('@node-rs/argon2')
    const old = await hash(PASSWORD, { algorithm: 2, memoryCost: 4096, timeCost: 1, parallelism: 1 })
    await world.pool.query('update credentials set password_hash = $2 where user_id = $1', [user.id, old])
    expect(await login(one, user.username)).toMatchObject({ status: 200 })
    const { rows } = await world.pool.query('select password_hash from credentials where user_id = $1', [
      user.id,
    ])
    expect(rows[0].password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await login(one, user.username)).toMatchObject({ status: 200 })
  })
})
