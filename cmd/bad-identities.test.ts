import { randomBytes } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type ApiUnderAttack, refusal, startApiUnderAttack } from '../internal/testkit/api-under-attack.ts'
import { call } from '../internal/testkit/client.ts'

let api: ApiUnderAttack

beforeAll(async () => {
  api = await startApiUnderAttack()
}, 60_000)
afterEach(() => api.mustBeWell())

const PASSWORD = 'correct horse battery staple'
const unique = () => `u${randomBytes(6).toString('hex')}`
const register = (over: object) =>
  call(api.url, 'POST', '/auth/register', { body: { username: unique(), password: PASSWORD, ...over } })

describe('people', () => {
  it.each([
    'аdmin', // Cyrillic
    'ＡＤＭＩＮ', // full width
    'ad\u200bmin',
    'ad\u00admin',
    'admin\u202e',
    '\u2066admin\u2069',
    'admi\u0301n',
    'admın',
    'ﬁn',
    'K\u212alvin',
    'a b',
    'a..b',
    '.a',
    'a-',
    '__proto__',
    'a'.repeat(33),
    'a',
    '',
    "a'--",
    'a\n',
    '<b>',
    '😀😀',
  ])('cannot be named %j', async (username) => {
    const [status, code, path] = refusal(await register({ username }))
    expect([status, code, path]).toEqual([400, 'validation_failed', 'username'])
  })

  it('cannot take a name that differs in case only', async () => {
    const name = unique()
    expect((await register({ username: name })).status).toBe(201)
    expect(refusal(await register({ username: name.toUpperCase() }))).toContain('conflict')
  })

  it('are told apart by what comes after a plus, and are one in either spelling of a domain', async () => {
    const name = unique()
    expect((await register({ email: `${name}@example.com` })).status).toBe(201)
    expect((await register({ email: `${name}+chat@example.com` })).status).toBe(201)
    expect(refusal(await register({ email: `${name.toUpperCase()}+CHAT@EXAMPLE.com` }))).toContain('conflict')
    expect((await register({ email: `${name}@bücher.example` })).status).toBe(201)
    expect(refusal(await register({ email: `${name}@xn--bcher-kva.example` }))).toContain('conflict')
  })

  it.each([
    'a@b',
    'a@@example.com',
    'a b@example.com',
    '"a b"@example.com',
    'a@[127.0.0.1]',
    'a@127.0.0.1',
    'a@example.com\r\nBcc: b@example.com',
    'a@example.com,b@example.com',
    'A <a@example.com>',
    '.a@example.com',
    'ä@example.com',
    'a@exa\u200bmple..com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'a'.repeat(64)}.com`,
    'a@-example.com',
  ])('have no address %j', async (email) => {
    expect(refusal(await register({ email }))).toEqual([400, 'validation_failed', 'email'])
  })

  it('have a phone number in E.164, spaces and brackets forgiven', async () => {
    const number = `${1_000_000_000 + (randomBytes(4).readUInt32BE() % 1_000_000_000)}`
    expect((await register({ phone: `+49 (${number.slice(0, 3)}) ${number.slice(3)}` })).status).toBe(201)
    expect(refusal(await register({ phone: `+49${number}` }))).toContain('conflict')
  })

  it.each([
    '15551234567',
    '0049170123456',
    '+0491701234567',
    '+1555',
    '+1234567890123456',
    '+1555123456x',
    '+１５５５１２３４５６７',
    '+1-555-CALL-NOW',
    '++15551234567',
    'tel:+15551234567',
    '+15551234567;ext=1',
    '+1555\u200b1234567',
  ])('have no phone %j', async (phone) => {
    expect(refusal(await register({ phone }))).toEqual([400, 'validation_failed', 'phone'])
  })

  it('get one username once of two hundred who ask at once', async () => {
    const username = unique()
    const answers = await Promise.all(Array.from({ length: 200 }, () => register({ username })))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(199)
  }, 60_000)
})
