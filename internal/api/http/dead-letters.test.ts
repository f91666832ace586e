import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { DomainError } from '../../domain/errors.ts'
import { uuidv7 } from '../../domain/ids.ts'
import { type Actor, SCOPES } from '../../domain/user.ts'
import type { DeadLetter } from '../../notifier/ports.ts'
import { deadLettersOf } from '../../queue/dead.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { createPool } from '../../repository/postgres/database.ts'
import { PostgresDeadLetters } from '../../repository/postgres/dead-letters.ts'
import { Sql } from '../../repository/postgres/sql.ts'
import type { AuditEvent } from '../../service/audit/ports.ts'
import { DeadLetterService } from '../../service/notification/dead-letters.ts'
import { insertSession, insertUser } from '../../testkit/chat-rows.ts'
import { messageEvent } from '../../testkit/events.ts'
import { type HttpNode, serveRoutes } from '../../testkit/http-node.ts'
import { testPostgres } from '../../testkit/services.ts'
import { deadLetterRoutes } from './dead-letters.ts'

describe('dead letters', () => {
  let pool: pg.Pool
  let node: HttpNode
  let store: PostgresDeadLetters
  let queued: unknown[] = []
  let away = false
  const acts: AuditEvent[] = []

  beforeAll(async () => {
    pool = createPool({ url: (await testPostgres()).url, max: 4, applicationName: 'test' })
    store = new PostgresDeadLetters(new Sql(pool))
    const userId = await insertUser(pool, 'operator')
    const actor: Actor = { userId, sessionId: await insertSession(pool, userId), scopes: new Set(SCOPES) }
    const queue = {
      retry: async (tasks: readonly unknown[]) => {
        if (away) throw new DomainError('dependency_unavailable', 'The queue is away.')
        queued.push(...tasks)
      },
    }
    const audit = { record: async (event: AuditEvent) => void acts.push(event) }
    node = await serveRoutes({
      routes: deadLetterRoutes(new DeadLetterService({ archive: store, queue, audit })),
      limiter: new MemoryRateLimiter(0),
      authenticator: { authenticate: async () => actor },
    })
  })

  afterAll(async () => {
    await node.close()
    await pool.end()
  })

  async function bury(seq: number, reason = 'internal-error'): Promise<DeadLetter> {
    const event = messageEvent({ seq, message: { content: 'a secret' } })
    const task = { event, attempt: 5, graceOver: true, scope: { kind: 'devices', deviceIds: [] } }
    const [letter] = deadLettersOf(JSON.stringify({ task, reason }), Date.now() - 1000 * seq)
    if (!letter) throw new Error('no letter')
    await store.bury([letter, letter])
    await store.bury([letter])
    return letter
  }
  const call = (method: string, path = '') => node.call(method, `/admin/dead-letters${path}`, { token: 'x' })
  const list = async (query = '') => (await call('GET', query)).body

  it('are listed page by page, the newest first, once each, without what they say', async () => {
    for (const seq of [1, 2, 3]) await bury(seq)
    const first = await list('?limit=2')
    expect(first.items.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2])
    const second = await list(`?limit=2&cursor=${first.nextCursor}`)
    expect(second.items.map(({ seq }: { seq: number }) => seq)).toEqual([3])
    expect(second.nextCursor).toBeNull()
    expect(first.items[0]).toMatchObject({
      reason: 'internal-error',
      kind: 'message',
      attempts: 6,
      recipients: 0,
    })
    expect(JSON.stringify([first, second])).not.toContain('secret')
    expect((await call('POST', '/retry')).body).toEqual({ retried: 3 })
    expect(queued).toHaveLength(3)
    expect((await list()).items).toEqual([])
  })

  it('are queued again one by one, and stay while the queue is away', async () => {
    queued = []
    const letter = await bury(4)
    away = true
    expect((await call('POST', `/${letter.id}/retry`)).status).toBe(503)
    expect((await list()).items).toHaveLength(1)
    away = false
    expect((await call('POST', `/${letter.id}/retry`)).status).toBe(204)
    expect(queued).toEqual([letter.task])
    expect((await list()).items).toEqual([])
    expect((await call('POST', `/${letter.id}/retry`)).status).toBe(404)
    expect((await call('POST', `/${uuidv7()}/retry`)).status).toBe(404)
    expect(acts.at(-1)).toMatchObject({ action: 'admin.dead_letter_retry', target: letter.id })
  })

  it('that cannot be read can only be deleted', async () => {
    const [letter] = deadLettersOf('\u0000 nonsense', Date.now())
    if (!letter) throw new Error('no letter')
    await store.bury([letter])
    expect((await list()).items[0]).toMatchObject({ reason: 'undecodable', kind: null, recipients: null })
    expect((await call('POST', `/${letter.id}/retry`)).body.code).toBe('conflict')
    expect((await call('POST', '/retry')).body).toEqual({ retried: 0 })
    expect((await call('DELETE', `/${letter.id}`)).status).toBe(204)
    expect((await call('DELETE', `/${letter.id}`)).status).toBe(204)
    expect((await list()).items).toEqual([])
  })

  it('are whole messages, too, that were handed out too often', async () => {
    const task = {
      event: messageEvent(),
      attempt: 0,
      graceOver: false,
      scope: { kind: 'members', after: null },
    }
    const other = { ...task, event: messageEvent() }
    const letters = deadLettersOf(JSON.stringify({ version: 1, tasks: [task, other] }), Date.now())
    expect(letters.map(({ task: held }) => held)).toEqual([task, other])
    expect(new Set(letters.map(({ id }) => id)).size).toBe(2)
  })

  it.each(['/x', '/../x', `/${'a'.repeat(33)}`])('refuse the id "%s"', async (id) => {
    expect([400, 404]).toContain((await call('DELETE', id)).status)
  })

  it('are forgotten after their time', async () => {
    await bury(5)
    expect(await store.prune(Date.now(), 100)).toBe(1)
    expect(await store.count()).toBe(0)
  })
})
