import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { DomainError, unavailable } from '../../domain/errors.ts'
import type { SessionId, UserId } from '../../domain/ids.ts'
import { SCOPES } from '../../domain/user.ts'
import { systemClock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { eventually } from '../../testkit/eventually.ts'
import { BODY_MAX_BYTES } from '../middleware/well-formed.ts'
import { createHttpApp } from './app.ts'
import { limitParam, uuid } from './fields.ts'
import { answer, NO_CONTENT, route } from './route.ts'

const USER = '01900000-0000-7000-8000-000000000001' as UserId
const lines: string[] = []
let server: Server
let base: string

const thing = z.object({ id: uuid, name: z.string() }).meta({ id: 'Thing' })
const throwing: { [what: string]: () => Error } = {
  conflict: () => new DomainError('conflict', 'Taken.'),
  down: () => unavailable('PostgreSQL'),
  bug: () => new Error('select secret from passwords'),
}

const routes = [
  route({
    method: 'post',
    path: '/things',
    summary: 'Makes a thing',
    tag: 'users',
    scope: 'open',
    body: z.strictObject({ name: z.string().min(1), deep: z.unknown().optional() }),
    responses: { 201: thing, 200: thing },
    async handle({ body }) {
      const value = { id: USER, name: body.name }
      return body.name === 'again' ? answer(200, value) : answer(201, value)
    },
  }),
  route({
    method: 'get',
    path: '/things/:id',
    summary: 'A thing',
    tag: 'users',
    scope: 'profile',
    params: z.strictObject({ id: uuid }),
    query: z.strictObject({ limit: limitParam(50, 100) }),
    responses: { 200: z.object({ id: uuid, limit: z.int(), userId: uuid, address: z.string() }) },
    async handle({ actor, params, query, request }) {
      return answer(200, {
        id: params.id,
        limit: query.limit,
        userId: actor.userId,
        address: request.address,
      })
    },
  }),
  route({
    method: 'get',
    path: '/things/mine',
    summary: 'My thing',
    tag: 'users',
    scope: 'session',
    responses: { 204: null },
    handle: async () => NO_CONTENT,
  }),
  route({
    method: 'get',
    path: '/throw/:what',
    summary: 'Fails',
    tag: 'users',
    scope: 'open',
    params: z.strictObject({ what: z.string() }),
    responses: { 204: null },
    handle: async ({ params }) => {
      throw throwing[params.what]?.() ?? new Error('unknown')
    },
  }),
  route({
    method: 'get',
    path: '/lie',
    summary: 'Answers what it did not declare',
    tag: 'users',
    scope: 'open',
    responses: { 200: z.object({ a: z.string().max(1) }) },
    handle: async () => answer(200, { a: 'too long' }),
  }),
  route({
    method: 'get',
    path: '/limited',
    summary: 'Twice only',
    tag: 'users',
    scope: 'open',
    limits: [{ name: 'twice', by: 'address', points: 2, seconds: 60, whenDown: 'allow' }],
    responses: { 204: null },
    handle: async () => NO_CONTENT,
  }),
]

let overloadedMs: number | null = null

beforeAll(async () => {
  const app = createHttpApp({
    routes,
    topics: [],
    authenticator: {
      authenticate: async (token) => {
        const sessionId = USER as string as SessionId
        if (token === 'session') return { userId: USER, sessionId, scopes: new Set(SCOPES) }
        if (token === 'pat') return { userId: USER, sessionId, scopes: new Set(), personalTokenId: '1' }
        throw new DomainError('unauthenticated', 'No.')
      },
    },
    limiter: new MemoryRateLimiter(1),
    logger: createLogger({ name: 'test', level: 'info', destination: { write: (line) => lines.push(line) } }),
    clock: systemClock,
    publicUrl: 'http://chat.example',
    version: '0.0.0',
    corsOrigins: ['https://app.example'],
    trustedProxies: ['127.0.0.1'],
    refusesWork: () => overloadedMs,
    checkResponses: true,
  })
  server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const json = { 'content-type': 'application/json' }
const session = { authorization: 'Bearer session' }

async function call(method: string, path: string, init: RequestInit = {}) {
  const response = await fetch(base + path, { method, redirect: 'manual', ...init })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null }
}

const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = json) =>
  call('POST', '/api/v1/things', { body, headers })

describe('routing', () => {
  it('answers a declared status each way', async () => {
    expect(await post('{"name":"a"}')).toMatchObject({ status: 201, body: { id: USER, name: 'a' } })
    expect(await post('{"name":"again"}')).toMatchObject({ status: 200 })
  })

  it('prefers literal segments to parameters, whatever the order of declaration', async () => {
    expect(await call('GET', '/api/v1/things/mine', { headers: session })).toMatchObject({ status: 204 })
  })

  it('answers 404 off the map and 405 with Allow on it', async () => {
    expect(await call('GET', '/api/v1/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    const wrong = await call('DELETE', '/api/v1/things')
    expect(wrong).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(wrong.headers.get('allow')).toBe('POST, OPTIONS')
    expect((await call('PUT', `/api/v1/things/${USER}`)).headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    const document = await call('POST', '/openapi.json')
    expect(document).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(document.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
  })

  it('validates parameters and gives ids in lower case', async () => {
    const upper = USER.toUpperCase()
    const good = await call('GET', `/api/v1/things/${upper}?limit=7`, { headers: session })
    expect(good).toMatchObject({ status: 200, body: { id: USER, limit: 7, userId: USER } })
    for (const query of [
      'limit=0',
      'limit=101',
      'limit=x',
      'limit=1&limit=2',
      'limit=',
      'other=1',
      'limit=1e1',
    ])
      expect(await call('GET', `/api/v1/things/${USER}?${query}`, { headers: session })).toMatchObject({
        status: 400,
        body: { code: 'validation_failed' },
      })
    expect((await call('GET', '/api/v1/things/x', { headers: session })).body.errors).toEqual([
      { path: 'id', message: 'must be a UUID' },
    ])
  })
})

describe('access', () => {
  it('asks for a bearer token, its scope, and a session where one is needed', async () => {
    const bare = await call('GET', '/api/v1/things/mine')
    expect(bare).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(bare.headers.get('www-authenticate')).toContain('Bearer')
    const as = (authorization: string, path: string) => call('GET', path, { headers: { authorization } })
    expect(await as('Bearer nonsense', '/api/v1/things/mine')).toMatchObject({ status: 401 })
    expect(await as('Basic c2Vzc2lvbg==', '/api/v1/things/mine')).toMatchObject({ status: 401 })
    expect(await as('Bearer pat', '/api/v1/things/mine')).toMatchObject({ status: 403 })
    expect(await as('Bearer pat', `/api/v1/things/${USER}`)).toMatchObject({ status: 403 })
    expect(await as(`Bearer ${'a'.repeat(5000)}`, '/api/v1/things/mine')).toMatchObject({ status: 401 })
  })

  it('limits by address and says when to come back', async () => {
    const asked = await Promise.all([1, 2, 3, 4].map(() => call('GET', '/api/v1/limited')))
    expect(asked.map(({ status }) => status).sort()).toEqual([204, 204, 429, 429])
    const refused = asked.find(({ status }) => status === 429)
    expect(refused?.body.code).toBe('rate_limited')
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    const elsewhere = { headers: { 'x-forwarded-for': '203.0.113.9' } }
    expect(await call('GET', '/api/v1/limited', elsewhere)).toMatchObject({ status: 204 })
  })

  it('lets listed origins in and no others', async () => {
    const preflight = (origin: string) =>
      call('OPTIONS', '/api/v1/things', { headers: { origin, 'access-control-request-method': 'POST' } })
    const listed = await preflight('https://app.example')
    expect(listed.status).toBe(204)
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
  })
})

it('refuses everything but documents while the node can do no more, and says when to come again', async () => {
  overloadedMs = 2000
  const refused = await call('GET', '/api/v1/things')
  expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded', retryAfterMs: 2000 } })
  expect(refused.headers.get('retry-after')).toBe('2')
  expect((await call('GET', '/openapi.json')).status).toBe(200)
  overloadedMs = null
  expect((await call('GET', '/api/v1/things')).status).not.toBe(503)
})

describe('bodies', () => {
  it.each([
    ['malformed', '{"name":'],
    ['empty', ''],
    ['not an object', '[]'],
    ['null', 'null'],
    ['a missing field', '{}'],
    ['an unknown field', '{"name":"a","extra":1}'],
    ['a prototype', '{"name":"a","constructor":{"x":1}}'],
    ['NUL by escape', '{"name":"a\\u0000"}'],
    ['an unpaired surrogate', '{"name":"\\ud800"}'],
    ['an unpaired surrogate deep down', '{"name":"a","deep":{"x":["\\udc00"]}}'],
    ['10,000 levels', `{"name":"a","deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ])('refuses %s with 400', async (_what, body) => {
    const errors = [{ path: expect.any(String), message: expect.any(String) }]
    expect(await post(body)).toMatchObject({ status: 400, body: { code: 'validation_failed', errors } })
  })

  it('refuses bytes that are not UTF-8', async () => {
    expect(await post(new Uint8Array([0x22, 0xff, 0x22]))).toMatchObject({ status: 400 })
  })

  it('does not mistake brackets in strings for nesting', async () => {
    const name = '['.repeat(100)
    expect(await post(JSON.stringify({ name }))).toMatchObject({ status: 201, body: { name } })
  })

  it('refuses what is too large, and what is not JSON', async () => {
    const large = JSON.stringify({ name: 'a'.repeat(BODY_MAX_BYTES) })
    expect(await post(large)).toMatchObject({ status: 413, body: { code: 'payload_too_large' } })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await post('name=a', form)).toMatchObject({
      status: 415,
      body: { code: 'unsupported_media_type' },
    })
    expect(await post('{"name":"a"}', { 'content-type': 'application/json; charset=latin1' })).toMatchObject({
      status: 415,
    })
  })

  it('refuses addresses that do not decode', async () => {
    for (const path of [
      '/api/v1/things/%',
      '/api/v1/things/%zz',
      '/api/v1/throw/%c0%af',
      '/api/v1/throw/%00',
    ])
      expect(await call('GET', path)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
  })
})

describe('failures', () => {
  it('are RFC 9457 problems with the request id', async () => {
    const failed = await call('GET', '/api/v1/throw/conflict', { headers: { 'x-request-id': 'mine-1' } })
    expect(failed.headers.get('content-type')).toContain('application/problem+json')
    expect(failed.headers.get('x-request-id')).toBe('mine-1')
    expect(failed.body).toEqual({
      type: 'urn:realchat:problem:conflict',
      title: 'This conflicts with what is there',
      status: 409,
      code: 'conflict',
      detail: 'Taken.',
      instance: '/api/v1/throw/conflict',
      requestId: 'mine-1',
    })
  })

  it('name the unavailable part and when to retry', async () => {
    const down = await call('GET', '/api/v1/throw/down')
    expect(down).toMatchObject({ status: 503, body: { code: 'dependency_unavailable', retryAfterMs: 1000 } })
    expect(down.headers.get('retry-after')).toBe('1')
  })

  it('tell nothing of a bug but the id under which the log has it', async () => {
    const bug = await call('GET', '/api/v1/throw/bug')
    expect(bug).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(bug.text).not.toContain('passwords')
    expect(lines.some((line) => line.includes(bug.body.requestId) && line.includes('passwords'))).toBe(true)
  })

  it('include an answer that its schema does not allow', async () => {
    expect(await call('GET', '/api/v1/lie')).toMatchObject({ status: 500 })
  })

  it('replace a request id that could forge a log line', async () => {
    const { headers } = await call('GET', '/api/v1/lie', { headers: { 'x-request-id': 'a b{}' } })
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('every answer', () => {
  it('tells browsers to be careful, and not what runs here', async () => {
    const { headers } = await call('GET', '/docs')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(headers.get('x-frame-options')).toBe('SAMEORIGIN')
    expect(headers.get('strict-transport-security')).toContain('max-age=')
    expect(headers.has('x-powered-by')).toBe(false)
    expect(headers.has('server')).toBe(false)
  })

  it('is logged by its declared path, without what was asked for', async () => {
    const { headers } = await call('GET', '/api/v1/throw/my-secret?query=my-other-secret')
    const id = headers.get('x-request-id') ?? ''
    const own = () => lines.filter((line) => line.includes(id)).join('')
    await eventually(() => expect(own()).toContain('"route":"GET /api/v1/throw/:'))
    expect(own()).not.toContain('secret')
  })
})

describe('documentation', () => {
  it('describes every route from its declaration', async () => {
    const { body } = await call('GET', '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/api/v1/things/{id}',
        '/health/ready',
        '/metrics',
        '/api/v1/unsubscribe/{token}',
      ]),
    )
    const get = body.paths['/api/v1/things/{id}'].get
    expect(get.parameters).toContainEqual({
      name: 'limit',
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 100, default: 50 },
    })
    expect(Object.keys(get.responses)).toEqual(['200', '400', '401', '403', '500', '503'])
    expect(body.components.schemas.Thing.properties.id).toMatchObject({ type: 'string', format: 'uuid' })
    expect(JSON.stringify(body)).not.toContain('$defs')
  })

  it('is a page, reached from the root', async () => {
    expect((await call('GET', '/')).headers.get('location')).toBe('/docs')
    const page = await call('GET', '/docs')
    expect(page.text).toContain('/api/v1/things/{id}')
    expect(page.text).toContain('curl http://chat.example/api/v1/auth/register')
    expect(page.text).not.toContain('<script')
  })
})
