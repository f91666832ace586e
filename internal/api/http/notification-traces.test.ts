import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { DomainError, notFound } from '../../domain/errors.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { uuidv7 } from '../../domain/ids.ts'
import type { DeviceId } from '../../domain/push.ts'
import { type Actor, SCOPES } from '../../domain/user.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { createPool } from '../../repository/postgres/database.ts'
import { PostgresClaimStore } from '../../repository/postgres/notification-claims.ts'
import { PostgresTraceReader } from '../../repository/postgres/notification-trace-reader.ts'
import { PostgresTraceWriter } from '../../repository/postgres/notification-traces.ts'
import { PostgresPushTokens } from '../../repository/postgres/push-tokens.ts'
import { Sql } from '../../repository/postgres/sql.ts'
import { TraceService } from '../../service/notification/traces.ts'
import { insertConversation, insertSession, insertUser } from '../../testkit/chat-rows.ts'
import { messageEvent } from '../../testkit/events.ts'
import { type HttpNode, serveRoutes } from '../../testkit/http-node.ts'
import { testPostgres } from '../../testkit/services.ts'
import { notificationTraceRoutes } from './notification-traces.ts'

describe('notification traces', () => {
  let pool: pg.Pool
  let node: HttpNode
  let conversation: ConversationId
  let phone: DeviceId
  const actors = new Map<string, Actor>()
  const idOf = (name: string): UserId => {
    const actor = actors.get(name)
    if (!actor) throw new Error(name)
    return actor.userId
  }
  let event: ReturnType<typeof messageEvent>

  beforeAll(async () => {
    pool = createPool({ url: (await testPostgres()).url, max: 4, applicationName: 'test' })
    for (const name of ['ann', 'bob', 'cid']) {
      const userId = await insertUser(pool, name)
      actors.set(name, { userId, sessionId: await insertSession(pool, userId), scopes: new Set(SCOPES) })
    }
    conversation = await insertConversation(pool, 'group', [idOf('ann'), idOf('bob'), idOf('cid')], 'G')
    event = messageEvent({ conversationId: conversation, senderId: idOf('ann'), seq: 1 })
    const registration = {
      id: uuidv7<DeviceId>(),
      userId: idOf('bob'),
      sessionId: await insertSession(pool, idOf('bob')),
    }
    const token = { platform: 'ios' as const, deviceName: 'Phone', token: 'bob', nowMs: Date.now() }
    phone = (await new PostgresPushTokens(pool).register({ ...registration, ...token }, 20)).id
    await trace()
    const service = new TraceService({
      traces: new PostgresTraceReader(new Sql(pool)),
      messages: {
        get: async (_actor, id, messageId) => {
          if (id !== conversation || messageId !== event.message.id) throw notFound('message')
          return event.message
        },
      },
    })
    node = await serveRoutes({
      routes: notificationTraceRoutes(service),
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

  /** Bob is pushed to, Cid has muted it. */
  async function trace(): Promise<void> {
    const day = event.message.createdAt.slice(0, 10)
    const head = { day, eventId: event.id, kind: 'message', conversationId: conversation, seq: 1 }
    const push = { channel: 'push' as const, device: phone, outcome: 'push' as const, reason: 'message' }
    const muted = { channel: 'push' as const, device: null, outcome: 'none' as const, reason: 'muted' }
    const users = [
      { userId: idOf('bob'), entries: [push] },
      { userId: idOf('cid'), entries: [muted] },
    ]
    const writer = new PostgresTraceWriter(pool)
    const record = { ...head, pass: 0, atMs: Date.now(), users }
    await writer.record([record, record])
    await writer.record([record])
    const claims = new PostgresClaimStore(pool)
    const claim = {
      day,
      eventId: event.id,
      deviceId: phone,
      userId: idOf('bob'),
      conversationId: conversation,
      seq: 1,
      attempt: 0,
    }
    await claims.claim([claim], 30_000)
    await claims.settle([{ claim, state: 'sent', reason: null, unknown: false }])
  }

  const ask = (who: string, messageId = event.message.id) =>
    node.call('GET', `/conversations/${conversation}/messages/${messageId}/notifications`, { token: who })
  const asOperator = (query: string) => node.call('GET', `/admin/notifications?${query}`, { token: 'ann' })

  it('tell a recipient why, of each device', async () => {
    expect((await ask('bob')).body).toEqual({
      items: [
        {
          channel: 'push',
          device: { id: phone, platform: 'ios', deviceName: 'Phone' },
          outcome: 'sent',
          reason: 'message',
          text: 'All messages of this conversation are notified.',
          attempts: 1,
          at: expect.any(String),
        },
      ],
      recipients: null,
    })
    expect((await ask('cid')).body.items).toMatchObject([
      { device: null, outcome: 'none', reason: 'muted', text: 'You had muted the conversation.' },
    ])
  })

  it('tell the sender how it stands, and nothing that is private', async () => {
    const { body } = await ask('ann')
    const items = [
      { userId: idOf('bob'), outcome: 'sent' },
      { userId: idOf('cid'), outcome: 'none' },
    ]
    expect(body).toEqual({ items: [], recipients: { counts: { sent: 1, pending: 0, none: 1 }, items } })
    expect(JSON.stringify(body)).not.toContain('muted')
  })

  it('are not there for a message that one may not see', async () => {
    expect((await ask('bob', messageEvent().message.id)).status).toBe(404)
  })

  it('show operators everything, by user and by message, page by page', async () => {
    const { body } = await asOperator(`conversationId=${conversation}&seq=1`)
    expect(body.items).toHaveLength(1)
    expect(body.items[0]).toMatchObject({
      eventId: event.id,
      pass: 0,
      decisions: [
        { userId: idOf('bob'), outcome: 'push', device: phone },
        { userId: idOf('cid'), outcome: 'none', reason: 'muted' },
      ],
      attempts: [{ userId: idOf('bob'), state: 'sent', attempt: 0 }],
    })
    const byUser = (await asOperator(`userId=${idOf('cid')}`)).body
    expect(byUser.items).toMatchObject([{ decisions: [{ reason: 'muted' }], attempts: [] }])
    const head = { day: '2026-11-20', kind: 'sign_in', conversationId: null, seq: null, pass: 0 }
    const users = [{ userId: idOf('cid'), entries: [] }]
    const older = ['a', 'b', 'c'].map((eventId) => ({ ...head, eventId, atMs: 1_790_000_000_000, users }))
    await new PostgresTraceWriter(pool).record(older)
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const page = (await asOperator(`userId=${idOf('cid')}&limit=2${cursor}`)).body
      seen.push(...page.items.map(({ eventId }: { eventId: string }) => eventId))
      if (page.nextCursor === null) break
      cursor = `&cursor=${page.nextCursor}`
    }
    expect(seen).toEqual([event.id, 'c', 'b', 'a'])
  })

  it.each(['', `conversationId=${uuidv7()}`, 'seq=1', `userId=${uuidv7()}&cursor=x`])(
    'refuse "%s"',
    async (query) => {
      expect((await asOperator(query)).status).toBe(400)
    },
  )
})
