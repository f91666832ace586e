import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { generateKeyPair, SignJWT } from 'jose'
import type pg from 'pg'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { createRedis, type RedisClient, redisReady } from '../../internal/repository/redis/client.ts'
import { RedisRateLimiter } from '../../internal/repository/redis/limit.ts'
import { RedisSessionCache } from '../../internal/repository/redis/session.ts'
import { LOCAL_TTL_MS, SHARED_TTL_MS } from '../../internal/service/session/gate.ts'
import { type HttpNode, serveRoutes } from '../../internal/testkit/http-node.ts'
import { testPostgres, testRedis } from '../../internal/testkit/services.ts'
import { composeIdentity, type Identity } from './identity.ts'

const MINUTE = 60_000
const PASSWORD = 'correct horse'

let pool: pg.Pool
let redis: RedisClient
let redisPrefix: string
let skewMs = 0
const clock = { now: () => Date.now() + skewMs }
const ended: string[] = []

interface Node extends HttpNode {
  identity: Identity
}

async function startNode(rateLimitScale = 0): Promise<Node> {
  const limiter = new RedisRateLimiter(redis, redisPrefix, rateLimitScale)
  const identity = composeIdentity({
    pool,
    clock,
    secretKey: 'a test key of thirty-two characters',
    publicUrl: 'http://chat.example',
    accessTtlMs: 15 * MINUTE,
    refreshTtlMs: 30 * 24 * 60 * MINUTE,
    cache: new RedisSessionCache(redis, redisPrefix, (error) => {
      throw error
    }),
    limiter,
    events: { sessionsEnded: (ids) => ended.push(...ids) },
  })
  return { identity, ...(await serveRoutes({ ...identity, limiter, clock })) }
}

let one: Node
let two: Node

beforeAll(async () => {
  pool = createPool({ url: (await testPostgres()).url, max: 10, applicationName: 'test' })
  const service = await testRedis()
  redisPrefix = service.prefix
  redis = createRedis([service.url], 'test')
  await redisReady(redis)
  one = await startNode()
  two = await startNode()
})

beforeEach(() => {
  skewMs = 0
})

afterAll(async () => {
  await one.close()
  await two.close()
  redis.disconnect()
  await pool.end()
})

const uniqueName = () => `u${randomBytes(5).toString('hex')}`

async function register(over: Record<string, unknown> = {}) {
  const username = uniqueName()
  const answer = await one.call('POST', '/auth/register', { body: { username, password: PASSWORD, ...over } })
  expect(answer).toMatchObject({ status: 201 })
  return answer.body
}

const login = (identifier: string, password = PASSWORD, headers: Record<string, string> = {}) =>
  one.call('POST', '/auth/login', { body: { identifier, password }, headers })
const refresh = (refreshToken: string, node = one) =>
  node.call('POST', '/auth/refresh', { body: { refreshToken } })
const me = (token: string, node = one) => node.call('GET', '/users/me', { token })

/** What an ended session's holder is told within a second: both caches may be that far behind. */
const afterCaches = () => {
  skewMs += LOCAL_TTL_MS
  return redis.keys(`${redisPrefix}session:*`).then((keys) => (keys.length > 0 ? redis.del(...keys) : 0))
}

async function audited(action: string, actorId: string): Promise<number> {
  const { rows } = await pool.query('select 1 from audit_log where action = $1 and actor_id = $2', [
    action,
    actorId,
  ])
  return rows.length
}

describe('registration', () => {
  it('makes an account that is signed in', async () => {
    const email = `Ann+${uniqueName()}@Bücher.example`
    const user = await register({ email, phone: '+1 (555) 123-4567', displayName: 'Ann Ä' })
    expect(user.user).toMatchObject({
      displayName: 'Ann Ä',
      email,
      phone: '+15551234567',
      emailVerified: false,
      totpEnabled: false,
      role: 'user',
    })
    expect(user.session).toMatchObject({ current: true, address: '127.0.0.1' })
    expect(await me(user.accessToken)).toMatchObject({ status: 200, body: user.user })
    expect(await audited('auth.register', user.user.id)).toBe(1)
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
    await register({ email: `${name}@bücher.example` })
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
    const { user } = await register({ email, phone })
    for (const identifier of [user.username.toUpperCase(), email, ` ${email.toUpperCase()}`, phone])
      expect(await login(identifier)).toMatchObject({ status: 200, body: { user: { id: user.id } } })
    expect(await audited('auth.sign_in', user.id)).toBe(4)
  })

  it('answers a wrong password and an unknown account alike', async () => {
    const { user } = await register()
    const wrong = await login(user.username, 'not the password')
    const unknown = await login(uniqueName())
    const nonsense = await login('"; drop table users')
    const told = ({ status, body: { code, detail } }: typeof wrong) => ({ status, code, detail })
    expect(told(wrong)).toMatchObject({ status: 401, code: 'unauthenticated' })
    expect(told(unknown)).toEqual(told(wrong))
    expect(told(nonsense)).toEqual(told(wrong))
  })

  it('is refused while suspended, which also ends what is open', async () => {
    const { user, accessToken, refreshToken } = await register()
    await pool.query(`update users set status = 'suspended' where id = $1`, [user.id])
    expect(await login(user.username)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await refresh(refreshToken)).toMatchObject({ status: 403 })
    await afterCaches()
    expect(await me(accessToken)).toMatchObject({ status: 403 })
  })

  it('names the device', async () => {
    const { user } = await register()
    const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
    const signed = await login(user.username, PASSWORD, {
      'user-agent': agent,
      'x-forwarded-for': '203.0.113.7',
    })
    expect(signed.body.session).toMatchObject({ deviceName: 'Firefox on Linux', address: '203.0.113.7' })
  })

  it('stops guessing from one address without locking the owner out', async () => {
    const { user } = await register()
    const limited = await startNode(1)
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

describe('access tokens', () => {
  it('end after fifteen minutes', async () => {
    const { accessToken } = await register()
    skewMs = 14 * MINUTE
    expect(await me(accessToken)).toMatchObject({ status: 200 })
    skewMs = 15 * MINUTE + 1000
    expect(await me(accessToken)).toMatchObject({ status: 401 })
  })

  it('are refused when forged in any way', async () => {
    const { accessToken, user, session } = await register()
    const [header = '', payload = '', signature = ''] = accessToken.split('.')
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const kid = JSON.parse(Buffer.from(header, 'base64url').toString()).kid
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' })
    const signed = (claims: object, head: object, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT({ sid: session.id, ...claims })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid, ...head })
        .setIssuer('http://chat.example')
        .setAudience('realchat')
        .setSubject(user.id)
        .setIssuedAt()
        .setExpirationTime('5 minutes')
        .sign(key)
    const own = (await one.identity.keys.signing()).key
    expect(await me(await signed({}, {}, own))).toMatchObject({ status: 200 })
    const forged = [
      `${header}.${payload}.${signature.split('').reverse().join('')}`,
      `${encode({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.`,
      `${header}.${payload}`,
      'x.y.z',
      await signed({}, {}, privateKey),
      await signed({}, { kid: 'unknown' }, own),
      await signed({}, { typ: 'JWT' }, own),
      await signed({ aud: 'another' }, {}, own).then((token) => token.replace(/.$/, 'A')),
      await new SignJWT({ sid: session.id, aud: 'other', iss: 'http://chat.example', sub: user.id })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid })
        .setIssuedAt()
        .setExpirationTime('5 minutes')
        .sign(own),
      await signed({ nbf: Math.floor(Date.now() / 1000) + 600 }, {}, own),
      await signed({ sid: '00000000-0000-0000-0000-000000000000' }, {}, own),
      await signed({ sid: "' or 1=1" }, {}, own),
    ]
    for (const token of forged) expect(await me(token)).toMatchObject({ status: 401 })
  })

  it('stay valid when the key is rotated, on a node that has not seen the new key, too', async () => {
    const { accessToken, refreshToken } = await register()
    const before = (await two.call('GET', '//.well-known/jwks.json')).body.keys
    const kid = await one.identity.keys.rotate()
    const renewed = await refresh(refreshToken)
    expect(JSON.parse(Buffer.from(renewed.body.accessToken.split('.')[0], 'base64url').toString()).kid).toBe(
      kid,
    )
    skewMs = 1001
    expect(await me(renewed.body.accessToken, two)).toMatchObject({ status: 200 })
    expect(await me(accessToken, two)).toMatchObject({ status: 200 })
    const after = (await two.call('GET', '//.well-known/jwks.json')).body.keys
    expect(after).toHaveLength(before.length + 1)
    expect(after[0]).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      x: expect.any(String),
      kid,
      use: 'sig',
      alg: 'EdDSA',
    })
  })
})

describe('refresh tokens', () => {
  it('rotate, and answer the same successor to a lost reply or two tabs', async () => {
    const { user, refreshToken } = await register()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => refresh(refreshToken, i % 2 ? one : two)),
    )
    const successors = new Set(answers.map(({ status, body }) => `${status} ${body.refreshToken}`))
    expect(successors.size).toBe(1)
    expect([...successors][0]).toMatch(/^200 rcr_/)
    skewMs = 29_000
    const late = await refresh(refreshToken)
    expect(late.body.refreshToken).toBe(answers[0]?.body.refreshToken)
    expect(await refresh(late.body.refreshToken)).toMatchObject({
      status: 200,
      body: { user: { id: user.id } },
    })
  })

  it('revoke the session when a spent one comes back after thirty seconds', async () => {
    const { user, session, refreshToken } = await register()
    const next = await refresh(refreshToken)
    skewMs = 30_001
    expect(await refresh(refreshToken)).toMatchObject({ status: 401 })
    expect(await refresh(next.body.refreshToken)).toMatchObject({ status: 401 })
    await afterCaches()
    expect(await me(next.body.accessToken)).toMatchObject({ status: 401 })
    expect(await audited('session.refresh_reuse', user.id)).toBe(1)
    expect(ended).toContain(session.id)
  })

  it('revoke the session when a spent one comes back once its successor was used', async () => {
    const { user, refreshToken } = await register()
    const next = await refresh(refreshToken)
    const newest = await refresh(next.body.refreshToken)
    expect(await refresh(refreshToken)).toMatchObject({ status: 401 })
    expect(await refresh(newest.body.refreshToken)).toMatchObject({ status: 401 })
    expect(await audited('session.refresh_reuse', user.id)).toBe(1)
  })

  it('expire, and are never stored', async () => {
    const { refreshToken } = await register()
    const { rows } = await pool.query(`select string_agg(t::text, ' ') as all from refresh_tokens t`)
    expect(rows[0].all).not.toContain(refreshToken.slice(4))
    skewMs = 30 * 24 * 60 * MINUTE + 1
    expect(await refresh(refreshToken)).toMatchObject({ status: 401 })
    expect(await refresh('rcr_nonsense')).toMatchObject({ status: 401 })
  })
})

describe('sessions', () => {
  it('are listed, the current one marked', async () => {
    const { user, session } = await register()
    const other = (await login(user.username)).body
    const listed = await one.call('GET', '/auth/sessions', { token: other.accessToken })
    expect(listed.body.items).toEqual([other.session, { ...session, current: false }])
  })

  it('end on every node within a second, and only once', async () => {
    const { user, accessToken, session } = await register()
    const other = (await login(user.username)).body
    expect(await me(accessToken, two)).toMatchObject({ status: 200 })
    const end = () => one.call('DELETE', `/auth/sessions/${session.id}`, { token: other.accessToken })
    expect(await end()).toMatchObject({ status: 204 })
    expect(await end()).toMatchObject({ status: 204 })
    expect(ended.filter((id) => id === session.id)).toHaveLength(1)
    expect(await me(accessToken)).toMatchObject({ status: 401 })
    expect(LOCAL_TTL_MS + SHARED_TTL_MS).toBeLessThan(1000)
    skewMs = LOCAL_TTL_MS
    expect(await me(accessToken, two)).toMatchObject({ status: 401 })
    expect(await me(other.accessToken, two)).toMatchObject({ status: 200 })
  })

  it('stay ended when Redis comes back with what it knew before', async () => {
    const { accessToken, session } = await register()
    await me(accessToken, two)
    const key = `${redisPrefix}session:${session.id}`
    const [known, ttl] = [await redis.get(key), await redis.pttl(key)]
    expect(ttl).toBeLessThanOrEqual(SHARED_TTL_MS)
    await one.call('POST', '/auth/logout', { token: accessToken })
    await redis.set(key, known ?? '', 'PX', Math.max(1, ttl))
    skewMs = LOCAL_TTL_MS
    while ((await redis.exists(key)) > 0) await redis.ping()
    skewMs += LOCAL_TTL_MS
    expect(await me(accessToken, two)).toMatchObject({ status: 401 })
  })

  it('end all but the current one', async () => {
    const { user, accessToken, refreshToken } = await register()
    const others = [(await login(user.username)).body, (await login(user.username)).body]
    expect(await one.call('DELETE', '/auth/sessions', { token: accessToken })).toMatchObject({ status: 204 })
    for (const other of others) {
      expect(await me(other.accessToken)).toMatchObject({ status: 401 })
      expect(await refresh(other.refreshToken)).toMatchObject({ status: 401 })
    }
    expect(await me(accessToken)).toMatchObject({ status: 200 })
    expect(await refresh(refreshToken)).toMatchObject({ status: 200 })
  })

  it("are one's own alone", async () => {
    const { session } = await register()
    const { accessToken } = await register()
    const answer = await one.call('DELETE', `/auth/sessions/${session.id}`, { token: accessToken })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  it('end at sign-out', async () => {
    const { accessToken, refreshToken } = await register()
    expect(await one.call('POST', '/auth/logout', { token: accessToken })).toMatchObject({ status: 204 })
    expect(await me(accessToken)).toMatchObject({ status: 401 })
    expect(await refresh(refreshToken)).toMatchObject({ status: 401 })
  })

  it('are told of to nodes that ask', async () => {
    const { accessToken, session } = await register()
    const since = new Date()
    await one.call('POST', '/auth/logout', { token: accessToken })
    expect((await two.identity.sessions.endedSince(since)).ids).toContain(session.id)
  })
})

describe('users', () => {
  it('change their profile', async () => {
    const { accessToken, user } = await register()
    const username = uniqueName()
    const change = { username, displayName: 'New', avatarUrl: 'https://example.org/a.png' }
    const changed = await one.call('PATCH', '/users/me', { token: accessToken, body: change })
    expect(changed).toMatchObject({ status: 200, body: { ...user, ...change } })
    expect(await login(username)).toMatchObject({ status: 200 })
    const { user: other } = await register()
    const taken = { username: other.username.toUpperCase() }
    expect(await one.call('PATCH', '/users/me', { token: accessToken, body: taken })).toMatchObject({
      status: 409,
    })
    for (const body of [{ avatarUrl: 'javascript:alert(1)' }, { role: 'admin' }, { displayName: ' ' }])
      expect(await one.call('PATCH', '/users/me', { token: accessToken, body })).toMatchObject({
        status: 400,
      })
  })

  it('see of others what is public', async () => {
    const { user } = await register({ email: `${uniqueName()}@example.org` })
    const { accessToken } = await register()
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
    const { user, accessToken } = await register()
    await pool.query('update users set last_seen_at = now() where id = $1', [user.id])
    const other = await register()
    const seen = () => one.call('GET', `/users/${user.id}`, { token: other.accessToken })
    expect((await seen()).body.lastSeenAt).not.toBeNull()
    await one.call('PATCH', '/users/me', { token: accessToken, body: { hideLastSeen: true } })
    expect((await seen()).body.lastSeenAt).toBeNull()
  })

  it('are found by the beginning of a username, page by page', async () => {
    const stem = uniqueName()
    for (const end of ['c', 'a', 'b']) await register({ username: `${stem}${end}` })
    const { accessToken } = await register()
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

  it('are found by a whole verified address or public id, which is not answered', async () => {
    const email = `${uniqueName()}@example.org`
    const { user } = await register({ email })
    const { accessToken } = await register()
    const find = async (query: string) =>
      (await one.call('GET', `/users?query=${encodeURIComponent(query)}`, { token: accessToken })).body.items
    expect(await find(email)).toEqual([])
    await pool.query('update identities set verified_at = now() where user_id = $1', [user.id])
    expect(await find(email.toUpperCase())).toMatchObject([{ id: user.id }])
    expect(JSON.stringify(await find(email))).not.toContain('example.org')
    expect(await find(email.slice(1))).toEqual([])
    expect(await find(user.publicId)).toMatchObject([{ id: user.id }])
  })

  it('are found by a rotated public id no more', async () => {
    const { user, accessToken } = await register()
    const rotated = await one.call('POST', '/users/me/public-id/rotate', { token: accessToken })
    expect(rotated.body.publicId).not.toBe(user.publicId)
    const found = await one.call('GET', `/users?query=${user.publicId}`, { token: accessToken })
    expect(found.body.items).toEqual([])
  })

  it('are loaded in bulk', async () => {
    const { user } = await register()
    const missing = '01900000-0000-7000-8000-000000000000'
    const found = await one.identity.users.byIds([user.id, missing, user.id] as never[])
    expect([...found.keys()]).toEqual([user.id])
  })
})
