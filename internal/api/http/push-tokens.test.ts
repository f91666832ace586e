import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import type pg from 'pg'
import { DomainError } from '../../domain/errors.ts'
import { type Actor, SCOPES } from '../../domain/user.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { createPool } from '../../repository/postgres/database.ts'
import { PostgresDeveloperOutbox } from '../../repository/postgres/developer-outbox.ts'
import { PostgresPushTokens } from '../../repository/postgres/push-tokens.ts'
import { PushTokenService } from '../../service/notification/push-tokens.ts'
import { insertSession, insertUser } from '../../testkit/chat-rows.ts'
import { randomUserId } from '../../testkit/events.ts'
import { type HttpNode, serveRoutes } from '../../testkit/http-node.ts'
import { testPostgres } from '../../testkit/services.ts'
import { devOutboxRouter } from './dev-outbox.ts'
import { pushTokenRoutes } from './push-tokens.ts'

let pool: pg.Pool
let node: HttpNode
let nowMs = Date.now()
const actors = new Map<string, Actor>()

async function signIn(name: string): Promise<void> {
  const userId = await insertUser(pool, name)
  const sessionId = await insertSession(pool, userId)
  actors.set(name, { userId, sessionId, scopes: new Set(SCOPES) })
}

beforeAll(async () => {
  pool = createPool({ url: (await testPostgres()).url, max: 4, applicationName: 'test' })
  await signIn('ann')
  await signIn('bob')
  const clock = { now: () => nowMs++ }
  const tokens = new PushTokenService({ tokens: new PostgresPushTokens(pool), clock })
  node = await serveRoutes({
    routes: pushTokenRoutes(tokens),
    limiter: new MemoryRateLimiter(0),
    authenticator: {
      authenticate: async (bearer) => {
        const actor = actors.get(bearer ?? '')
        if (!actor) throw new DomainError('unauthenticated', 'Sign in.')
        return actor
      },
    },
  })
})

afterAll(async () => {
  await node.close()
  await pool.end()
})

const register = (who: string, token: string, more: object = {}) =>
  node.call('POST', '/push-tokens', { token: who, body: { token, platform: 'android', ...more } })
const list = async (who: string) => (await node.call('GET', '/push-tokens', { token: who })).body.items

describe('push tokens', () => {
  it('registers a device, and the same token again as the same device', async () => {
    const first = await register('ann', 'token-1', { deviceName: 'Pixel' })
    expect(first.status).toBe(201)
    expect(first.body).toEqual({
      id: expect.any(String),
      platform: 'android',
      deviceName: 'Pixel',
      createdAt: expect.any(String),
      notify: 'all',
      previews: true,
    })
    const second = await register('ann', 'token-1', { platform: 'web' })
    expect(second.body).toEqual({ ...first.body, platform: 'web', deviceName: null })
    expect(await list('ann')).toEqual([second.body])
    expect(await list('bob')).toEqual([])
  })

  it('moves a token to the account that registered it last, as another device', async () => {
    const { body: before } = await register('ann', 'token-moves')
    const { body: after } = await register('bob', 'token-moves')
    expect(after.id).not.toBe(before.id)
    expect(await list('bob')).toEqual([after])
    expect((await list('ann')).map(({ id }: { id: string }) => id)).not.toContain(before.id)
    await node.call('DELETE', `/push-tokens/${after.id}`, { token: 'bob' })
  })

  it('changes what a device is told, which a refresh keeps and another account does not', async () => {
    const { body } = await register('ann', 'token-settings')
    const change = (who: string, settings: object) =>
      node.call('PATCH', `/push-tokens/${body.id}`, { token: who, body: settings })
    expect((await change('ann', { notify: 'mentions' })).body).toEqual({ ...body, notify: 'mentions' })
    expect((await change('ann', { previews: false })).body).toMatchObject({
      notify: 'mentions',
      previews: false,
    })
    expect((await register('ann', 'token-settings')).body).toMatchObject({
      notify: 'mentions',
      previews: false,
    })
    expect((await change('bob', { notify: 'none' })).status).toBe(404)
    expect((await change('ann', { notify: 'loudly' })).status).toBe(400)
    const { body: moved } = await register('bob', 'token-settings')
    expect(moved).toMatchObject({ notify: 'all', previews: true })
    await node.call('DELETE', `/push-tokens/${moved.id}`, { token: 'bob' })
  })

  it("removes one's own, and knows nothing of another's", async () => {
    const { body } = await register('bob', 'token-2')
    expect((await node.call('DELETE', `/push-tokens/${body.id}`, { token: 'ann' })).status).toBe(404)
    expect(await list('bob')).toEqual([body])
    for (const _again of [false, true]) {
      expect((await node.call('DELETE', `/push-tokens/${body.id}`, { token: 'bob' })).status).toBe(204)
    }
    expect(await list('bob')).toEqual([])
  })

  it('keeps the twenty refreshed last', async () => {
    await register('bob', 'token-old')
    for (let i = 1; i <= 20; i++) await register('bob', `token-new-${i}`, { deviceName: `device ${i}` })
    const names = (await list('bob')).map(({ deviceName }: { deviceName: string }) => deviceName)
    expect(names).toEqual(Array.from({ length: 20 }, (_, i) => `device ${20 - i}`))
  })

  it.each([
    ['no token', { token: undefined }],
    ['an empty token', { token: '' }],
    ['a token that is too long', { token: 'x'.repeat(4097) }],
    ['a token with control characters', { token: 'a\u0000b' }],
    ['another platform', { platform: 'pager' }],
    ['an unknown field', { colour: 'red' }],
    ['a device name with a line break', { deviceName: 'a\nb' }],
  ])('refuses %s', async (_name, more) => {
    const answer = await register('ann', 'token', more)
    expect(answer.status).toBe(400)
    expect(answer.body.code).toBe('validation_failed')
  })

  it('takes the longest token there can be', async () => {
    expect((await register('ann', 'x'.repeat(4096))).status).toBe(201)
  })
})

describe('developer outbox', () => {
  let server: Server
  let url: string

  beforeAll(async () => {
    server = createServer(express().use(devOutboxRouter(new PostgresDeveloperOutbox(pool))))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterAll(() => new Promise((resolve) => server.close(resolve)))

  it('shows the newest first, with nothing of it taken for markup', async () => {
    const outbox = new PostgresDeveloperOutbox(pool)
    const entry = (title: string) => ({
      channel: 'push' as const,
      userId: randomUserId(),
      recipient: 'android …abc123',
      title,
      body: '<script>alert("1")</script> & more',
      payload: { link: "/x?a='1'" },
      createdAt: '2026-11-21T00:00:00.000Z',
    })
    await outbox.add([entry('first'), entry('second')], 1000)
    const { items } = (await (await fetch(`${url}/dev/outbox.json`)).json()) as { items: { title: string }[] }
    expect(items.map(({ title }) => title)).toEqual(['second', 'first'])
    const html = await (await fetch(`${url}/dev/outbox`)).text()
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; more')
    // Nothing inline: the API's policy allows scripts of its own origin only.
    expect(html.replace('<script src="/dev/outbox.js" defer>', '')).not.toMatch(/<script|<style| on\w+=/)
    const script = await fetch(`${url}/dev/outbox.js`)
    expect(script.headers.get('content-type')).toContain('javascript')
    expect(await script.text()).toContain("fetch('/dev/outbox')")
  })

  it('shows a mail as it looks, with what it brings along and nothing else', async () => {
    const mail = { title: 'Hello', body: 'Hi\n', payload: { html: '<p style="color:red">Hi</p>' } }
    const to = { userId: randomUserId(), recipient: 'a@example.org', createdAt: '2026-11-21T00:00:00.000Z' }
    await new PostgresDeveloperOutbox(pool).add([{ channel: 'email', ...to, ...mail }], 1000)
    const path = /href="(\/dev\/outbox\/\d+)"/.exec(await (await fetch(`${url}/dev/outbox`)).text())?.[1]
    const shown = await fetch(`${url}${path}`)
    expect(await shown.text()).toBe(mail.payload.html)
    expect(shown.headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    )
  })

  it('forgets all but the newest', async () => {
    const outbox = new PostgresDeveloperOutbox(pool)
    const entry = {
      channel: 'push' as const,
      userId: randomUserId(),
      recipient: 'web …',
      title: 't',
      body: '',
      payload: {},
      createdAt: '2026-11-21T00:00:00.000Z',
    }
    for (let i = 0; i < 5; i++) await outbox.add([entry], 3)
    expect(await outbox.newest(200)).toHaveLength(3)
  })
})
