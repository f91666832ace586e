import { describe, expect, it } from '@jest/globals'
import {
  identityWorld,
  login,
  me,
  PASSWORD,
  register,
  uniqueName,
} from '../../internal/testkit/identity-world.ts'
import { TOTP_STEP_MS as STEP, totpCode } from '../../internal/testkit/totp.ts'
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()

const codeOf = (secret: string, ahead = 0) => totpCode(secret, world.clock.now() + ahead * STEP)

const totp = (path: string, token: string, body?: unknown) =>
  one.call('POST', `/auth/totp/${path}`, { token, ...(body !== undefined && { body }) })

/** Somebody whose second factor is in force, a step ago. */
async function secured() {
  const email = `${uniqueName()}@example.org`
  const signedIn = await register(one, { email })
  const { secret } = (await totp('setup', signedIn.accessToken)).body
  const enabled = await totp('enable', signedIn.accessToken, { code: codeOf(secret) })
  expect(enabled).toMatchObject({ status: 200 })
  world.skewMs += 2 * STEP
  return { email, secret, recoveryCodes: enabled.body.recoveryCodes as string[], ...signedIn }
}

const signIn = (identifier: string, code?: string) =>
  one.call('POST', '/auth/login', {
    body: { identifier, password: PASSWORD, ...(code !== undefined && { code }) },
  })

describe('the second factor', () => {
  it('is in force once its first code was given', async () => {
    const { accessToken, user } = await register(one)
    const setup = (await totp('setup', accessToken)).body
    expect(setup.otpauthUrl).toContain(`secret=${setup.secret}&issuer=RealChat`)
    expect(await login(one, user.username)).toMatchObject({ status: 200 })
    const wrong = codeOf(setup.secret) === '000000' ? '000001' : '000000'
    expect(await totp('enable', accessToken, { code: wrong })).toMatchObject({ status: 400 })
    expect(await totp('enable', accessToken, { code: codeOf(setup.secret) })).toMatchObject({ status: 200 })
    expect((await me(one, accessToken)).body.totpEnabled).toBe(true)
    expect(await totp('setup', accessToken)).toMatchObject({ status: 409 })
    expect(await totp('enable', accessToken, { code: codeOf(setup.secret) })).toMatchObject({ status: 409 })
    expect(await world.audited('auth.totp_enable', user.id)).toBe(1)
  })

  it('is asked for at sign-in, and takes each code once', async () => {
    const { user, secret } = await secured()
    expect(await signIn(user.username)).toMatchObject({ status: 401, body: { code: 'totp_required' } })
    const code = codeOf(secret)
    const wrong = code === '000000' ? '000001' : '000000'
    expect(await signIn(user.username, wrong)).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
    const answers = await Promise.all(Array.from({ length: 4 }, () => signIn(user.username, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    // The code of the step before is still within the drift, and older than the one taken.
    expect(await signIn(user.username, codeOf(secret, -1))).toMatchObject({ status: 401 })
    world.skewMs += STEP
    expect(await signIn(user.username, codeOf(secret))).toMatchObject({ status: 200 })
  })

  it('tells nobody without the password that it is there', async () => {
    const { user } = await secured()
    expect(await login(one, user.username, 'not the password')).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
  })

  it('can be replaced by each recovery code once', async () => {
    const { user, recoveryCodes } = await secured()
    expect(new Set(recoveryCodes).size).toBe(10)
    const [first = '', second = ''] = recoveryCodes
    const answers = await Promise.all(Array.from({ length: 4 }, () => signIn(user.username, first)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await signIn(user.username, second.toUpperCase().replace('-', ' '))).toMatchObject({ status: 200 })
    const { user: another } = await secured()
    expect(await signIn(another.username, recoveryCodes[2])).toMatchObject({ status: 401 })
  })

  it('is asked for after a one-time code, too, which stays good meanwhile', async () => {
    const { email, secret } = await secured()
    await world.pool.query('update identities set verified_at = now() where value = $1', [email])
    await one.call('POST', '/auth/otp/request', { body: { email, purpose: 'sign_in' } })
    const body = { email, purpose: 'sign_in', code: world.codeFor(email) }
    const verify = (totpCode?: string) =>
      one.call('POST', '/auth/otp/verify', { body: { ...body, ...(totpCode !== undefined && { totpCode }) } })
    expect(await verify()).toMatchObject({ status: 401, body: { code: 'totp_required' } })
    expect(await verify(codeOf(secret))).toMatchObject({ status: 200 })
  })

  it('is taken away by a code only', async () => {
    const { user, accessToken, secret } = await secured()
    expect(await totp('disable', accessToken, { code: 'aaaaaaa' })).toMatchObject({ status: 401 })
    expect(await totp('disable', accessToken, { code: codeOf(secret) })).toMatchObject({ status: 204 })
    expect(await signIn(user.username)).toMatchObject({ status: 200 })
    expect(await world.audited('auth.totp_disable', user.id)).toBe(1)
  })

  it('is sealed at rest', async () => {
    const { user, secret } = await secured()
    const { rows } = await world.pool.query('select totp_sealed from credentials where user_id = $1', [
      user.id,
    ])
    expect(rows[0].totp_sealed.length).toBe(12 + 20 + 16)
    expect(rows[0].totp_sealed.toString('latin1')).not.toContain(secret)
  })
})
