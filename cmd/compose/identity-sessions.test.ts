import { describe, expect, it } from '@jest/globals'
import { generateKeyPair, SignJWT } from 'jose'
import { SessionEnds } from '../../internal/api/ws/session-ends.ts'
import { type SessionId, uuidv7 } from '../../internal/domain/ids.ts'
import { LOCAL_TTL_MS, SHARED_TTL_MS } from '../../internal/service/session/gate.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import {
  identityWorld,
  login,
  MINUTE,
  me,
  REFRESH_TTL,
  refresh,
  register,
} from '../../internal/testkit/identity-world.ts'
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()
const two = await world.startNode()

describe('access tokens', () => {
  it('end after fifteen minutes', async () => {
    const { accessToken } = await register(one)
    world.skewMs = 14 * MINUTE
    expect(await me(one, accessToken)).toMatchObject({ status: 200 })
    world.skewMs = 15 * MINUTE + 1000
    expect(await me(one, accessToken)).toMatchObject({ status: 401 })
  })

  it('are refused when forged in any way', async () => {
    const { accessToken, user, session } = await register(one)
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
    expect(await me(one, await signed({}, {}, own))).toMatchObject({ status: 200 })
    const forged = [
      `${header}.${payload}.${signature.split('').reverse().join('')}`,
      `${encode({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.`,
      `${header}.${payload}`,
      'x.y.z',
      await signed({}, {}, privateKey),
      await signed({}, { kid: 'unknown' }, own),
      await signed({}, { typ: 'JWT' }, own),
      // The first character of the signature: the last one has bits that mean nothing.
      `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      await new SignJWT({ sid: session.id, aud: 'other', iss: 'http://chat.example', sub: user.id })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid })
        .setIssuedAt()
        .setExpirationTime('5 minutes')
        .sign(own),
      await signed({ nbf: Math.floor(Date.now() / 1000) + 600 }, {}, own),
      await signed({ sid: '00000000-0000-0000-0000-000000000000' }, {}, own),
      await signed({ sid: "' or 1=1" }, {}, own),
    ]
    for (const token of forged) expect(await me(one, token)).toMatchObject({ status: 401 })
  })

  it('stay valid when the key is rotated, on a node that has not seen the new key, too', async () => {
    const { accessToken, refreshToken } = await register(one)
    const before = (await two.call('GET', '//.well-known/jwks.json')).body.keys
    const kid = await one.identity.keys.rotate()
    const renewed = await refresh(one, refreshToken)
    expect(JSON.parse(Buffer.from(renewed.body.accessToken.split('.')[0], 'base64url').toString()).kid).toBe(
      kid,
    )
    world.skewMs = 1001
    expect(await me(two, renewed.body.accessToken)).toMatchObject({ status: 200 })
    expect(await me(two, accessToken)).toMatchObject({ status: 200 })
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
    const { user, refreshToken } = await register(one)
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => refresh(i % 2 ? one : two, refreshToken)),
    )
    const successors = new Set(answers.map(({ status, body }) => `${status} ${body.refreshToken}`))
    expect(successors.size).toBe(1)
    expect([...successors][0]).toMatch(/^200 rcr_/)
    world.skewMs = 29_000
    const late = await refresh(one, refreshToken)
    expect(late.body.refreshToken).toBe(answers[0]?.body.refreshToken)
    expect(await refresh(one, late.body.refreshToken)).toMatchObject({
      status: 200,
      body: { user: { id: user.id } },
    })
  })

  it('revoke the session when a spent one comes back after thirty seconds', async () => {
    const { user, session, refreshToken } = await register(one)
    const next = await refresh(one, refreshToken)
    world.skewMs = 30_001
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 401 })
    expect(await refresh(one, next.body.refreshToken)).toMatchObject({ status: 401 })
    await world.forgetSessions()
    expect(await me(one, next.body.accessToken)).toMatchObject({ status: 401 })
    expect(await world.audited('session.refresh_reuse', user.id)).toBe(1)
    expect(world.ended).toContain(session.id)
  })

  it('revoke the session when a spent one comes back once its successor was used', async () => {
    const { user, refreshToken } = await register(one)
    const next = await refresh(one, refreshToken)
    const newest = await refresh(one, next.body.refreshToken)
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 401 })
    expect(await refresh(one, newest.body.refreshToken)).toMatchObject({ status: 401 })
    expect(await world.audited('session.refresh_reuse', user.id)).toBe(1)
  })

  it('expire, and are never stored', async () => {
    const { refreshToken } = await register(one)
    const { rows } = await world.pool.query(`select string_agg(t::text, ' ') as all from refresh_tokens t`)
    expect(rows[0].all).not.toContain(refreshToken.slice(4))
    world.skewMs = REFRESH_TTL + 1
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 401 })
    expect(await refresh(one, 'rcr_nonsense')).toMatchObject({ status: 401 })
  })
})

describe('sessions', () => {
  it('are listed, the current one marked', async () => {
    const { user, session } = await register(one)
    const other = (await login(one, user.username)).body
    const listed = await one.call('GET', '/auth/sessions', { token: other.accessToken })
    expect(listed.body.items).toEqual([other.session, { ...session, current: false }])
  })

  it('end on every node within a second, and only once', async () => {
    const { user, accessToken, session } = await register(one)
    const other = (await login(one, user.username)).body
    expect(await me(two, accessToken)).toMatchObject({ status: 200 })
    const end = () => one.call('DELETE', `/auth/sessions/${session.id}`, { token: other.accessToken })
    expect(await end()).toMatchObject({ status: 204 })
    expect(await end()).toMatchObject({ status: 204 })
    expect(world.ended.filter((id) => id === session.id)).toHaveLength(1)
    expect(await me(one, accessToken)).toMatchObject({ status: 401 })
    expect(LOCAL_TTL_MS + SHARED_TTL_MS).toBeLessThan(1000)
    world.skewMs = LOCAL_TTL_MS
    expect(await me(two, accessToken)).toMatchObject({ status: 401 })
    expect(await me(two, other.accessToken)).toMatchObject({ status: 200 })
  })

  it('stay ended when Redis comes back with what it knew before', async () => {
    const { accessToken, session } = await register(one)
    await me(two, accessToken)
    const key = `${world.redisPrefix}session:${session.id}`
    const [known, ttl] = [await world.redis.get(key), await world.redis.pttl(key)]
    expect(ttl).toBeLessThanOrEqual(SHARED_TTL_MS)
    await one.call('POST', '/auth/logout', { token: accessToken })
    await world.redis.set(key, known ?? '', 'PX', Math.max(1, ttl))
    world.skewMs = LOCAL_TTL_MS
    while ((await world.redis.exists(key)) > 0) await world.redis.ping()
    world.skewMs += LOCAL_TTL_MS
    expect(await me(two, accessToken)).toMatchObject({ status: 401 })
  })

  it('end all but the current one', async () => {
    const { user, accessToken, refreshToken } = await register(one)
    const others = [(await login(one, user.username)).body, (await login(one, user.username)).body]
    expect(await one.call('DELETE', '/auth/sessions', { token: accessToken })).toMatchObject({ status: 204 })
    for (const other of others) {
      expect(await me(one, other.accessToken)).toMatchObject({ status: 401 })
      expect(await refresh(one, other.refreshToken)).toMatchObject({ status: 401 })
    }
    expect(await me(one, accessToken)).toMatchObject({ status: 200 })
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 200 })
  })

  it("are one's own alone", async () => {
    const { session } = await register(one)
    const { accessToken } = await register(one)
    const answer = await one.call('DELETE', `/auth/sessions/${session.id}`, { token: accessToken })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  it('end at sign-out', async () => {
    const { accessToken, refreshToken } = await register(one)
    expect(await one.call('POST', '/auth/logout', { token: accessToken })).toMatchObject({ status: 204 })
    expect(await me(one, accessToken)).toMatchObject({ status: 401 })
    expect(await refresh(one, refreshToken)).toMatchObject({ status: 401 })
  })

  it('are told of to nodes that ask', async () => {
    const { accessToken, session } = await register(one)
    const since = new Date()
    await one.call('POST', '/auth/logout', { token: accessToken })
    expect((await two.identity.sessions.endedSince(since)).ids).toContain(session.id)
  })
})

describe('sessions that have run out', () => {
  it('are told apart from those that live, by the thousand', async () => {
    const [kept, gone] = [await register(one), await register(one)]
    await one.call('POST', '/auth/logout', { token: gone.accessToken })
    const unknown = Array.from({ length: 1500 }, () => uuidv7<SessionId>())
    const ids = [kept.session.id, ...unknown, gone.session.id]
    expect(await one.identity.sessions.lapsed(ids)).toEqual([...unknown, gone.session.id])
    world.skewMs = REFRESH_TTL - MINUTE
    await refresh(one, kept.refreshToken)
    world.skewMs = REFRESH_TTL + MINUTE
    expect(await one.identity.sessions.lapsed([kept.session.id])).toEqual([])
    world.skewMs = 2 * REFRESH_TTL
    expect(await one.identity.sessions.lapsed([kept.session.id])).toEqual([kept.session.id])
  })

  it('lose their sockets at the node that holds them', async () => {
    const { session } = await register(one)
    const closed: string[] = []
    const stop = new AbortController()
    const ends = new SessionEnds({
      sessions: one.identity.sessions,
      open: () => [session.id, session.id],
      close: (ids) => closed.push(...ids),
      onError: () => {},
      now: world.clock.now,
      lapsesEveryMs: 10,
    })
    const drained = ends.run(stop.signal, () => {})
    await eventually(() => expect(closed).toEqual([]))
    world.skewMs = REFRESH_TTL + MINUTE
    await eventually(() => expect(closed).toContain(session.id))
    stop.abort()
    await drained
  })
})
