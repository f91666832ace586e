import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { z } from 'zod'
import { systemClock } from '../internal/platform/clock.ts'
import { createPool } from '../internal/repository/postgres/database.ts'
import { PostgresSigningKeys } from '../internal/repository/postgres/signing-key.ts'
import { Sql } from '../internal/repository/postgres/sql.ts'
import { KeyRing } from '../internal/service/auth/key-ring.ts'
import { Secrets } from '../internal/service/auth/secrets.ts'
import { type ApiUnderAttack, refusal, startApiUnderAttack } from '../internal/testkit/api-under-attack.ts'
import { call, Person } from '../internal/testkit/client.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'
import { SocketClient, UpgradeRefused } from '../internal/testkit/socket-client.ts'

type SigningKey = Parameters<SignJWT['sign']>[0]

let api: ApiUnderAttack
let ann: Person
/** The key that the process itself signs with. */
let own: SigningKey
let header: { alg: string; typ: string; kid: string }
let claims: JWTPayload

beforeAll(async () => {
  api = await startApiUnderAttack()
  ann = await Person.register(api.url)
  const pool = createPool({ url: api.env['DATABASE_URL'] ?? '', max: 1, applicationName: 'test' })
  cleanUpAfterFile(() => pool.end())
  const secrets = new Secrets(api.env['SECRET_KEY'] ?? '')
  const repository = new PostgresSigningKeys(new Sql(pool))
  const keys = new KeyRing({ repository, secrets, clock: systemClock, accessTtlMs: 900_000 })
  own = (await keys.signing()).key
  const { alg = '', typ = '', kid = '' } = decodeProtectedHeader(ann.token)
  header = { alg, typ, kid }
  claims = decodeJwt(ann.token)
}, 60_000)
afterEach(() => api.mustBeWell())

const now = () => Math.floor(Date.now() / 1000)
const sign = (over: JWTPayload, head: object = {}, key: SigningKey = own) =>
  new SignJWT({ ...claims, ...over }).setProtectedHeader({ ...header, ...head }).sign(key)
const without = (name: string) => {
  const { [name]: _, ...rest } = claims
  return new SignJWT(rest).setProtectedHeader(header).sign(own)
}
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const parts = () => {
  const [head = '', payload = '', signature = ''] = ann.token.split('.')
  return { head, payload, signature }
}
const ed25519 = (): KeyObject => generateKeyPairSync('ed25519').privateKey

/** The public key, as text, taken for an HMAC secret: the classic confusion of algorithms. */
async function signedWithThePublicKey(): Promise<string> {
  const set = await (await fetch(`${api.url}/.well-known/jwks.json`)).json()
  const { keys } = z.object({ keys: z.array(z.record(z.string(), z.string())) }).parse(set)
  const pem = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  return sign({}, { alg: 'HS256' }, Buffer.from(pem))
}

const FORGERIES: [string, () => string | Promise<string>][] = [
  ['no token at all', () => 'x'],
  ['two parts', () => `${parts().head}.${parts().payload}`],
  ['five parts', () => `${ann.token}.x.y`],
  ['parts that are no JSON', () => 'a.b.c'],
  ['a part that is deep JSON', () => `${Buffer.from('['.repeat(1000)).toString('base64url')}.e30.x`],
  ['a signature cut short', () => ann.token.slice(0, -4)],
  ['no signature', () => `${parts().head}.${parts().payload}.`],
  [
    "another token's payload",
    () => `${parts().head}.${encoded({ ...claims, sub: claims['sid'] })}.${parts().signature}`,
  ],
  ['alg none', () => new UnsecuredJWT(claims).encode()],
  ['alg None, spelt otherwise', () => `${encoded({ ...header, alg: 'nOnE' })}.${parts().payload}.`],
  ['alg HS256 under the public key', signedWithThePublicKey],
  ['another key', () => sign({}, {}, ed25519())],
  ['another key under a kid nobody has', () => sign({}, { kid: 'unknown' }, ed25519())],
  [
    'a key it brings along',
    () => {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519')
      return sign({}, { kid: 'mine', jwk: publicKey.export({ format: 'jwk' }) }, privateKey)
    },
  ],
  ['a kid that is a path', () => sign({}, { kid: '../../dev/null' })],
  ['a kid that is SQL', () => sign({}, { kid: "' or '1'='1" })],
  [
    'a critical header nobody knows',
    () => `${encoded({ ...header, crit: ['exp2'], exp2: 1 })}.${parts().payload}.${parts().signature}`,
  ],
  ['another type', () => sign({}, { typ: 'JWT' })],
  ['another audience', () => sign({ aud: 'another' })],
  ['no audience', () => without('aud')],
  ['another issuer', () => sign({ iss: 'https://evil.example' })],
  ['its time over', () => sign({ exp: now() - 1 })],
  ['its time over by far', () => sign({ iat: now() - 7200, exp: now() - 3600 })],
  ['no end', () => without('exp')],
  ['its time yet to come', () => sign({ nbf: now() + 600 })],
  ['no user', () => without('sub')],
  ['no session', () => without('sid')],
  ['a user that is SQL', () => sign({ sub: "' or 1=1 --" })],
  ['a session nobody has', () => sign({ sid: '00000000-0000-7000-8000-000000000000' })],
  [
    'a session of somebody else',
    async () => {
      const other = await Person.register(api.url)
      return sign({ sub: other.id })
    },
  ],
  ['a personal access token nobody has', () => 'rcp_0000000000000000000000000000000000000000000'],
]

const me = (token: string) => call(api.url, 'GET', '/users/me', { token })

async function upgradeStatus(token: string, options: object = {}): Promise<number> {
  try {
    await (await SocketClient.connect(api.url, { token, ...options })).close()
    return 101
  } catch (error) {
    if (error instanceof UpgradeRefused) return error.status
    throw error
  }
}

describe('access tokens', () => {
  it('are accepted at both doors when the test signs what the process would', async () => {
    const token = await sign({})
    expect((await me(token)).status).toBe(200)
    expect(await upgradeStatus(token)).toBe(101)
  })

  it.each(FORGERIES)('with %s are refused at both doors', async (what, forge) => {
    const token = await forge()
    expect(refusal(await me(token))).toEqual([401, 'unauthenticated'])
    // An upgrade tells a session that ended (403) from a token that never was good (401).
    const ended = what.includes('a session')
    expect(await upgradeStatus(token)).toBe(ended ? 403 : 401)
  })

  it('are refused once their session has ended', async () => {
    const guest = await Person.register(api.url)
    expect((await guest.call(api.url, 'POST', '/auth/logout')).status).toBe(204)
    expect(refusal(await me(guest.token))).toEqual([401, 'unauthenticated'])
    expect(await upgradeStatus(guest.token)).toBe(403)
  })

  it.each([
    ['none', undefined],
    ['another scheme', `Basic ${Buffer.from('a:b').toString('base64')}`],
    ['no token', 'Bearer'],
    ['two tokens', 'Bearer a b'],
    ['8 KB', `Bearer ${'a'.repeat(8000)}`],
    ['bytes beyond ASCII', 'Bearer \xff\xfe'],
  ])('are asked for when the header has %s', async (_what, authorization) => {
    const response = await fetch(`${api.url}/api/v1/users/me`, {
      headers: authorization === undefined ? {} : { authorization },
    })
    expect(response.headers.get('www-authenticate')).toContain('Bearer')
    expect(refusal({ status: response.status, body: await response.json() })).toEqual([
      401,
      'unauthenticated',
    ])
  })
})

describe('upgrades', () => {
  it.each([
    ['no token', 401, { token: undefined }],
    ['a token of 10 KB', 401, { token: 'a'.repeat(10_000) }],
    ['a bearer subprotocol that is no base64', 401, { protocols: ['phoenix', 'base64url.bearer.phx.***'] }],
    [
      'a bearer subprotocol with a forged token',
      401,
      { protocols: ['phoenix', 'base64url.bearer.phx.YS5iLmM'] },
    ],
    ['version 3', 403, { vsn: '3.0.0' }],
    ['a version that is none', 403, { vsn: 'two' }],
    ['a foreign origin', 403, { headers: { origin: 'https://evil.example' } }],
    ['the origin null', 403, { headers: { origin: 'null' } }],
    ['an origin that begins like ours', 403, { headers: { origin: 'http://localhost.evil.example' } }],
  ])('with %s are refused', async (_what, status, options) => {
    expect(await upgradeStatus(ann.token, options)).toBe(status)
  })
})
