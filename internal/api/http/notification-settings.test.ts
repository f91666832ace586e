import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { DomainError } from '../../domain/errors.ts'
import { DEFAULT_NOTIFICATION_SETTINGS } from '../../domain/notification.ts'
import { type Actor, SCOPES } from '../../domain/user.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { createPool } from '../../repository/postgres/database.ts'
import { PostgresNotificationSettings } from '../../repository/postgres/notification-settings.ts'
import { Sql } from '../../repository/postgres/sql.ts'
import { NotificationSettingsService } from '../../service/notification/settings.ts'
import { insertSession, insertUser } from '../../testkit/chat-rows.ts'
import { type HttpNode, serveRoutes } from '../../testkit/http-node.ts'
import { testPostgres } from '../../testkit/services.ts'
import { notificationSettingsRoutes } from './notification-settings.ts'

const DEFAULTS = { ...DEFAULT_NOTIFICATION_SETTINGS }

describe('notification settings', () => {
  let pool: pg.Pool
  let node: HttpNode
  const actors = new Map<string, Actor>()
  const told: [string, object][] = []

  beforeAll(async () => {
    pool = createPool({ url: (await testPostgres()).url, max: 4, applicationName: 'test' })
    for (const name of ['ann', 'bob']) {
      const userId = await insertUser(pool, name)
      actors.set(name, {
        userId,
        sessionId: await insertSession(pool, userId),
        scopes: new Set(SCOPES),
      })
    }
    const settings = new NotificationSettingsService({
      store: new PostgresNotificationSettings(new Sql(pool)),
      live: { settingsUpdated: (userId, changed) => told.push([userId, changed]) },
    })
    node = await serveRoutes({
      routes: notificationSettingsRoutes(settings),
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

  const get = async (token: string) => (await node.call('GET', '/notifications/settings', { token })).body
  const put = (token: string, body: unknown) => node.call('PUT', '/notifications/settings', { token, body })

  it('are the defaults until they are changed, each on its own, and told to the other devices', async () => {
    expect(await get('ann')).toEqual(DEFAULTS)
    const quietHours = { start: '22:00', end: '07:30', timeZone: 'Europe/Berlin', days: ['sun', 'fri'] }
    expect((await put('ann', { reactions: true })).body).toEqual({ ...DEFAULTS, reactions: true })
    const changed = await put('ann', { quietHours: { ...quietHours, days: ['fri', 'sun', 'fri'] } })
    expect(changed.status).toBe(200)
    expect(changed.body).toEqual({ ...DEFAULTS, reactions: true, quietHours })
    expect(await get('ann')).toEqual(changed.body)
    expect(told.at(-1)).toEqual([actors.get('ann')?.userId, changed.body])
    expect(await get('bob')).toEqual(DEFAULTS)
    expect((await put('ann', { quietHours: null })).body.quietHours).toBeNull()
  })

  it('are all kept when several are changed at once', async () => {
    const { body: before } = await put('bob', {})
    expect(before).toEqual(DEFAULTS)
    const changes = [{ push: false }, { email: false }, { groups: 'none' }, { emailDelay: 60 }]
    await Promise.all(changes.map((change) => put('bob', change)))
    expect(await get('bob')).toEqual(Object.assign({}, DEFAULTS, ...changes))
  })

  it('begin on every day when no days are given', async () => {
    const quietHours = { start: '00:00', end: '00:00', timeZone: 'UTC' }
    const { body } = await put('bob', { quietHours })
    expect(body.quietHours.days).toEqual(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'])
  })

  const hours = { start: '22:00', end: '07:00', timeZone: 'UTC' }
  it.each([
    ['an unknown field', { colour: 'red' }, ''],
    ['direct messages by mention', { direct: 'mentions' }, 'direct'],
    ['an hour that is none', { quietHours: { ...hours, start: '24:00' } }, 'quietHours.start'],
    ['a zone that is none', { quietHours: { ...hours, timeZone: 'Mars/Olympus' } }, 'quietHours.timeZone'],
    ['an offset', { quietHours: { ...hours, timeZone: '+01:00' } }, 'quietHours.timeZone'],
    ['no day', { quietHours: { ...hours, days: [] } }, 'quietHours.days'],
    ['a day that is none', { quietHours: { ...hours, days: ['someday'] } }, 'quietHours.days.0'],
    ['mail at once', { emailDelay: 0 }, 'emailDelay'],
    ['null for a switch', { push: null }, 'push'],
  ])('refuse %s', async (_name, body, path) => {
    const answer = await put('ann', body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
    if (path) expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path)
  })
})
