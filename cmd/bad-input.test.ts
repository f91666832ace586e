import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type ApiUnderAttack,
  exchange,
  refusal,
  startApiUnderAttack,
} from '../internal/testkit/api-under-attack.ts'
import { call, Person } from '../internal/testkit/client.ts'
import { stringFields } from '../internal/testkit/string-fields.ts'

let api: ApiUnderAttack
let ann: Person
let conversation: string

beforeAll(async () => {
  api = await startApiUnderAttack()
  ann = await Person.register(api.url)
  conversation = await ann.open(api.url, 'group', [await Person.register(api.url)])
}, 60_000)
afterEach(() => api.mustBeWell())

const messagesPath = () => `/conversations/${conversation}/messages`
const send = (content: unknown, over: object = {}) =>
  ann.call(api.url, 'POST', messagesPath(), { content, ...over })

async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.url}/api/v1${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ann.token}`, ...headers },
  })
  return { status: response.status, body: await response.json() }
}

describe('bodies', () => {
  it.each([
    ['10,000 lists deep', `{"content":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['10,000 objects deep', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['10,000 lists that never close', '['.repeat(10_000)],
    ['a key twice', '{"content":"one","content":"two"}'],
    ['a key twice, once escaped', '{"content":"one","c\\u006fntent":"two"}'],
    ['a prototype', '{"content":"one","__proto__":{"type":"system"}}'],
    ['a constructor', '{"content":"one","constructor":{"prototype":{}}}'],
    ['no JSON', '{"content":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number beyond doubles', '{"content":1e999}'],
    ['content of another type', '{"content":{"toString":"x"}}'],
    ['nothing', ''],
  ])('are refused with 400: %s', async (_what, body) => {
    expect(refusal(await post(messagesPath(), body)).slice(0, 2)).toEqual([400, 'validation_failed'])
  })

  it('are refused when larger than is read, also once inflated', async () => {
    const large = JSON.stringify({ content: 'a'.repeat(2 ** 20) })
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20, '{'))
    const expected = [413, 'payload_too_large']
    expect(refusal(await post(messagesPath(), large))).toEqual(expected)
    expect(refusal(await post(messagesPath(), bomb, { 'content-encoding': 'gzip' }))).toEqual(expected)
  })

  it('are refused in what is not JSON in UTF-8', async () => {
    const types = [
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/json; charset=utf-16',
    ]
    for (const type of types) {
      const answer = await post(messagesPath(), '{"content":"x"}', { 'content-type': type })
      expect(refusal(answer)).toEqual([415, 'unsupported_media_type'])
    }
    const encoded = await post(messagesPath(), '{"content":"x"}', { 'content-encoding': 'compress' })
    expect(refusal(encoded)).toEqual([415, 'unsupported_media_type'])
    const bytes = await post(messagesPath(), Buffer.from('{"content":"\xff"}', 'latin1'))
    expect(refusal(bytes).slice(0, 2)).toEqual([400, 'validation_failed'])
  })

  it('with a NUL or an unpaired surrogate are refused, whichever string of whichever route has it', async () => {
    const fields = stringFields(await (await fetch(`${api.url}/openapi.json`)).json())
    expect(fields.length).toBeGreaterThan(20)
    for (const { method, path, bodyWith, field } of fields) {
      for (const poison of ['\\u0000', 'a\\u0000b', '\\ud800', '\\udc00\\ud800', 'x\\udfff']) {
        const response = await fetch(api.url + path, {
          method,
          headers: { 'content-type': 'application/json', authorization: `Bearer ${ann.token}` },
          body: bodyWith(poison),
        })
        const answer = { status: response.status, body: await response.json() }
        expect([method, path, field, poison, ...refusal(answer)]).toEqual([
          ...[method, path, field, poison],
          ...[400, 'validation_failed', field],
        ])
      }
    }
  })
})

describe('requests', () => {
  it('with a header of 1 MB are refused with 431', async () => {
    const huge = `GET /health/live HTTP/1.1\r\nHost: x\r\nX-Huge: ${'a'.repeat(2 ** 20)}\r\n\r\n`
    expect(await exchange(api.url, huge)).toMatch(/^HTTP\/1\.1 431 /)
  })

  it.each([
    [
      'two lengths',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    ],
    [
      'a length and chunks',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX-A: \0\r\n\r\n'],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('with %s are refused with 400', async (_what, bytes) => {
    expect(await exchange(api.url, Buffer.from(bytes, 'latin1'))).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('for addresses that do not decode, or are too long, are refused', async () => {
    for (const path of [
      '/%',
      '/users/%00',
      '/users?query=%00',
      '/users?query=%ed%a0%80',
      '/%c0%ae%c0%ae/etc',
    ]) {
      expect(refusal(await ann.call(api.url, 'GET', path)).slice(0, 2)).toEqual([400, 'validation_failed'])
    }
    const long = await ann.call(api.url, 'GET', `/users?query=${'a'.repeat(9000)}`)
    expect(refusal(long).slice(0, 2)).toEqual([400, 'validation_failed'])
  })

  it('with a parameter twice, unknown, or out of range are refused, naming it', async () => {
    const wrong: [string, string][] = [
      ['limit=1&limit=2', 'limit'],
      ['limit[]=1', ''],
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=1e1', 'limit'],
      ['limit=99999999999999999999', 'limit'],
      ['limit=-1', 'limit'],
      ['__proto__=1', ''],
      ['before=9007199254740993', 'before'],
      ['before=0', 'before'],
      ['before=1&after=1', 'before'],
    ]
    for (const [query, path] of wrong) {
      const answer = await ann.call(api.url, 'GET', `${messagesPath()}?${query}`)
      expect([query, ...refusal(answer)]).toEqual([query, 400, 'validation_failed', path])
    }
    const last = await ann.call(api.url, 'GET', `${messagesPath()}?before=9007199254740991`)
    expect(last.status).toBe(200)
  })
})

const METACHARACTERS = [
  "'; drop table users; --",
  "' or '1'='1",
  '" or ""="',
  '\\',
  "\\'; delete from messages; --",
  '%',
  '_',
  '$1',
  '$$',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as attackers send it
  '${jndi:ldap://x}',
  '{{7*7}}',
  '1; select pg_sleep(10)',
  "') allow filtering; --",
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '*:*',
  '\r\nSET x 1\r\n',
]

describe('metacharacters of SQL, CQL and others', () => {
  it.each(METACHARACTERS)('in content come back as they were: %j', async (content) => {
    expect(await send(content)).toMatchObject({ status: 201, body: { message: { content } } })
    const page = await ann.call(api.url, 'GET', `${messagesPath()}?limit=1`)
    expect(page).toMatchObject({ status: 200, body: { items: [{ content }] } })
  })

  it.each(METACHARACTERS)(
    'find nobody, sign nobody in, and are no id, cursor or number: %j',
    async (text) => {
      const encoded = encodeURIComponent(text)
      const found = await ann.call(api.url, 'GET', `/users?query=${encoded}`)
      expect(found).toMatchObject({ status: 200, body: { items: [] } })
      const identified = { identifier: text, password: text.padEnd(8, '-') }
      expect((await call(api.url, 'POST', '/auth/login', { body: identified })).status).toBe(401)
      for (const path of [
        `/conversations/${encoded}`,
        `/conversations?cursor=${encoded}`,
        `/conversations/${conversation}/members?cursor=${encoded}`,
        `${messagesPath()}?before=${encoded}`,
        `${messagesPath()}/${encoded}`,
        `/users/${encoded}`,
      ]) {
        const answer = await ann.call(api.url, 'GET', path)
        expect([path, ...refusal(answer).slice(0, 2)]).toEqual([path, 400, 'validation_failed'])
      }
      for (const body of [
        { kind: text, memberIds: [] },
        { kind: 'group', memberIds: [text] },
      ]) {
        expect((await ann.call(api.url, 'POST', '/conversations', body)).status).toBe(400)
      }
      expect(refusal(await send('x', { clientId: text }))).toEqual([400, 'validation_failed', 'clientId'])
      expect(refusal(await send('x', { replyTo: text }))).toEqual([400, 'validation_failed', 'replyTo'])
    },
  )

  it('and what no database takes are refused within a cursor of the right form', async () => {
    const uuid = '00000000-0000-7000-8000-000000000000'
    const forged: object[] = [
      { stamp: 1e300, id: uuid },
      { stamp: 2 ** 53, id: uuid },
      { stamp: 1.5, id: uuid },
      { stamp: '1', id: uuid },
      { stamp: 1, id: "'; drop table users" },
      { joinedAt: '+275760-09-13T00:00:00.000Z', userId: uuid },
      { joinedAt: '-271821-04-20T00:00:00.000Z', userId: uuid },
      { joinedAt: 'Sat, 01 Jan 2000 (now())', userId: uuid },
      { joinedAt: '2000-01-01T00:00:00Z', userId: 'x' },
    ]
    for (const fields of [...forged, [], { __proto__: null }]) {
      const cursor = Buffer.from(JSON.stringify(fields)).toString('base64url')
      for (const path of ['/conversations', `/conversations/${conversation}/members`]) {
        const answer = await ann.call(api.url, 'GET', `${path}?cursor=${cursor}`)
        expect([fields, path, ...refusal(answer)]).toEqual([fields, path, 400, 'validation_failed', 'cursor'])
      }
    }
    for (const stamp of [-(2 ** 53 - 1), 0, 2 ** 53 - 1]) {
      const cursor = Buffer.from(JSON.stringify({ stamp, id: uuid })).toString('base64url')
      const answer = await ann.call(api.url, 'GET', `/conversations?cursor=${cursor}`)
      expect(answer.status).toBe(200)
    }
  })
})

describe('content', () => {
  it.each([
    ['nothing', ''],
    ['white space only', ' \n\t\u2003'],
    ['a control character', 'a\u0007b'],
    ['an escape sequence', '\u001b[2J'],
    ['8,001 characters', 'a'.repeat(8001)],
    ['8,001 characters outside the first plane', '😀'.repeat(8001)],
  ])('of %s is refused, naming the field', async (_what, content) => {
    expect(refusal(await send(content))).toEqual([400, 'validation_failed', 'content'])
  })

  it('of 8,000 characters of any size is stored exactly', async () => {
    for (const content of ['a'.repeat(8000), '😀'.repeat(8000), 'a\u0300\ufeff\u202e\r\n\t']) {
      expect(await send(content)).toMatchObject({ status: 201, body: { message: { content } } })
    }
  })

  it('and names that are too long are refused, and as many members as a group holds are not', async () => {
    const create = (over: object) =>
      ann.call(api.url, 'POST', '/conversations', { kind: 'group', memberIds: [], ...over })
    const wrong: [object, string][] = [
      [{ name: 'a'.repeat(129) }, 'name'],
      [{ name: '' }, 'name'],
      [{ name: ' \u2003' }, 'name'],
      [{ name: 'a\nb' }, 'name'],
      [{ description: 'a'.repeat(1025) }, 'description'],
      [{ description: '\u0001' }, 'description'],
      [{ memberIds: Array<string>(10_000).fill(ann.id) }, 'memberIds'],
    ]
    for (const [over, path] of wrong) {
      expect([over, ...refusal(await create(over))]).toEqual([over, 400, 'validation_failed', path])
    }
    expect((await create({ name: '😀'.repeat(128) })).status).toBe(201)
    const full = await create({ memberIds: Array<string>(9999).fill(ann.id) })
    expect(full.status).toBe(201)
  })
})
