import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import type { UserId } from '../../domain/ids.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { createPool } from '../../repository/postgres/database.ts'
import { PostgresMailRecipients } from '../../repository/postgres/email-recipients.ts'
import { PostgresNotificationSettings } from '../../repository/postgres/notification-settings.ts'
import { Sql } from '../../repository/postgres/sql.ts'
import { Unsubscriptions } from '../../service/notification/unsubscribe.ts'
import { insertUser } from '../../testkit/chat-rows.ts'
import { type HttpNode, serveRoutes } from '../../testkit/http-node.ts'
import { testPostgres } from '../../testkit/services.ts'
import { unsubscribeRouter } from './unsubscribe.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

describe('/unsubscribe/:token', () => {
  let pool: pg.Pool
  let node: HttpNode
  let ann: UserId
  let token: string
  let told: [UserId, object][]

  beforeAll(async () => {
    pool = createPool({ url: (await testPostgres()).url, max: 4, applicationName: 'test' })
    const sql = new Sql(pool)
    const unsubscriptions = new Unsubscriptions({
      directory: new PostgresMailRecipients(sql),
      settings: new PostgresNotificationSettings(sql),
      live: { settingsUpdated: (userId, settings) => void told.push([userId, settings]) },
    })
    node = await serveRoutes({
      routes: [],
      routers: [unsubscribeRouter(unsubscriptions, new MemoryRateLimiter(1))],
      limiter: new MemoryRateLimiter(1),
      authenticator: { authenticate: () => Promise.reject(new Error('nobody signs in')) },
    })
  })

  afterAll(async () => {
    await node.close()
    await pool.end()
  })

  beforeEach(async () => {
    told = []
    ann = await insertUser(pool, 'Ann')
    token = await new PostgresMailRecipients(new Sql(pool)).tokenFor(ann)
  })

  const settings = () => new PostgresNotificationSettings(new Sql(pool)).find(ann)

  async function ask(method: string, path: string, init: RequestInit = {}) {
    const response = await fetch(`${node.url}/api/v1/unsubscribe/${path}`, { method, ...init })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  it('shows a form and changes nothing, however often links are looked at', async () => {
    for (const method of ['GET', 'HEAD', 'GET']) {
      expect((await ask(method, token)).status).toBe(200)
    }
    const { text, headers } = await ask('GET', token)
    expect(text).toContain('<form method="post">')
    expect(text).not.toContain(token)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-security-policy')).toContain("form-action 'self'")
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect([(await settings()).email, told]).toEqual([true, []])
  })

  it.each([
    ['one click of a mail program', { headers: FORM, body: 'List-Unsubscribe=One-Click' }],
    ['the form', { headers: FORM, body: '' }],
    ['a bare POST', {}],
    ['something else', { headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(100_000) }],
  ])('ends mails by %s, tells the devices, and again', async (_name, init) => {
    const { status, text } = await ask('POST', token, init)
    expect([status, text]).toEqual([200, expect.stringContaining('You get no more mails about messages')])
    expect(await settings()).toMatchObject({ email: false, push: true })
    expect(told).toEqual([[ann, await settings()]])
    expect((await ask('POST', token, init)).status).toBe(200)
    expect((await settings()).email).toBe(false)
  })

  it('answers whatever is nobody’s alike', async () => {
    const wrong = [randomBytes(24).toString('base64url'), 'x', 'a'.repeat(500), `${token}x`, '%20', "'--"]
    const answers = []
    for (const path of wrong) for (const method of ['GET', 'POST']) answers.push(await ask(method, path))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    await pool.query(`update users set status = 'deleted' where id = $1`, [ann])
    expect((await ask('POST', token)).status).toBe(404)
    expect([(await settings()).email, told]).toEqual([true, []])
  })

  it('offers nothing else', async () => {
    const { status, headers } = await ask('DELETE', token)
    expect([status, headers.get('allow')]).toEqual([405, 'GET, POST, HEAD, OPTIONS'])
  })

  it('is tried only so often from one address', async () => {
    const from = { headers: { 'x-forwarded-for': '198.51.100.7' } }
    const answers = []
    for (let i = 0; i < 61; i++) answers.push((await ask('GET', 'nobody-has-such-a-token', from)).status)
    expect(answers.filter((status) => status === 404)).toHaveLength(60)
    expect(answers.at(-1)).toBe(429)
  })
})
