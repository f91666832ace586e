import type { Router } from 'express'
import type { Container } from 'inversify'
import type pg from 'pg'
import { deadLetterRoutes } from '../../internal/api/http/dead-letters.ts'
import { notificationSettingsRoutes } from '../../internal/api/http/notification-settings.ts'
import { notificationTraceRoutes } from '../../internal/api/http/notification-traces.ts'
import { pushTokenRoutes } from '../../internal/api/http/push-tokens.ts'
import type { Route } from '../../internal/api/http/route.ts'
import { unsubscribeRouter } from '../../internal/api/http/unsubscribe.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import type { Component } from '../../internal/platform/lifecycle.ts'
import { repeating } from '../../internal/platform/repeating.ts'
import { PostgresDeadLetters } from '../../internal/repository/postgres/dead-letters.ts'
import { PostgresMailRecipients } from '../../internal/repository/postgres/email-recipients.ts'
import { PostgresNotificationSettings } from '../../internal/repository/postgres/notification-settings.ts'
import { PostgresTraceReader } from '../../internal/repository/postgres/notification-trace-reader.ts'
import { PostgresShownStore } from '../../internal/repository/postgres/notifications-shown.ts'
import { PostgresPushTokens } from '../../internal/repository/postgres/push-tokens.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import type { AuditTrail } from '../../internal/service/audit/ports.ts'
import type { SignInDeps } from '../../internal/service/auth/sign-in.ts'
import type { LiveEvents } from '../../internal/service/live/ports.ts'
import { DeadLetterService } from '../../internal/service/notification/dead-letters.ts'
import type { MessageFinder, RetryQueue } from '../../internal/service/notification/ports.ts'
import { PushTokenService } from '../../internal/service/notification/push-tokens.ts'
import { ReadNotices } from '../../internal/service/notification/read-notices.ts'
import { NotificationSettingsService } from '../../internal/service/notification/settings.ts'
import { TraceService } from '../../internal/service/notification/traces.ts'
import { Unsubscriptions } from '../../internal/service/notification/unsubscribe.ts'
import { ID } from './identifiers.ts'

/** What is read within it is told once. */
const READ_NOTICES_MS = 2000

interface NotificationOptions {
  pool: pg.Pool
  clock: Clock
  live: Pick<LiveEvents, 'settingsUpdated'>
  messages: MessageFinder
  queue: RetryQueue
  audit: Pick<AuditTrail, 'record'>
}

/** Binds the routes about notifications; after identity, the queue and chat. */
export function bindNotifications(container: Container): void {
  container
    .bind(ID.notifications)
    .toResolvedValue(
      (pool, clock, live, messages, queue, { audit }) =>
        composeNotifications({ pool, clock, live, messages, queue, audit }),
      [ID.pool, ID.clock, ID.live, ID.messages, ID.retryQueue, ID.identity],
    )
    .inSingletonScope()
  container
    .bind(ID.readNotices)
    .toResolvedValue(
      (pool, events, clock) => new ReadNotices({ shown: new PostgresShownStore(pool), events, clock }),
      [ID.pool, ID.events, ID.clock],
    )
    .inSingletonScope()
}

/** Tells a user's other devices of a sign-in; a mail says the same, so that nothing waits for the queue. */
export function signInNotices(container: Container): SignInDeps['onStrange'] {
  const logger = container.get(ID.logger)
  return (session) => {
    const event = { id: `sign-in:${session.sessionId}`, kind: 'sign_in' as const, ...session }
    container
      .get(ID.events)
      .publish([event])
      .catch((error) => logger.warn({ err: error }, 'a sign-in is not notified'))
  }
}

/** Tells devices what was read on another. */
export function readNoticesComponent(container: Container): Component {
  const notices = container.get(ID.readNotices)
  const logger = container.get(ID.logger)
  return repeating({
    name: 'read notices',
    work: () => notices.step(),
    onError: (error) => logger.warn({ err: error }, 'read notices'),
    idleMs: READ_NOTICES_MS,
    paceMs: 20,
  })
}

/** What an API node offers about notifications. */
function composeNotifications(options: NotificationOptions): { routes: Route[] } {
  const { pool, clock, live, messages, queue, audit } = options
  const sql = new Sql(pool)
  const store = new PostgresNotificationSettings(sql)
  const traces = new PostgresTraceReader(sql)
  return {
    routes: [
      ...pushTokenRoutes(new PushTokenService({ tokens: new PostgresPushTokens(pool), clock })),
      ...notificationSettingsRoutes(new NotificationSettingsService({ store, live, clock })),
      ...deadLetterRoutes(new DeadLetterService({ archive: new PostgresDeadLetters(sql), queue, audit })),
      ...notificationTraceRoutes(new TraceService({ traces, messages })),
    ],
  }
}

/** The pages that links in mails lead to. */
export function mailPages(container: Container): Router[] {
  const sql = new Sql(container.get(ID.pool))
  const unsubscriptions = new Unsubscriptions({
    directory: new PostgresMailRecipients(sql),
    settings: new PostgresNotificationSettings(sql),
    live: container.get(ID.live),
    clock: container.get(ID.clock),
  })
  return [unsubscribeRouter(unsubscriptions, container.get(ID.limiter))]
}
