import type pg from 'pg'
import { notificationSettingsRoutes } from '../../internal/api/http/notification-settings.ts'
import { notificationTraceRoutes } from '../../internal/api/http/notification-traces.ts'
import { pushTokenRoutes } from '../../internal/api/http/push-tokens.ts'
import type { Route } from '../../internal/api/http/route.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import { PostgresNotificationSettings } from '../../internal/repository/postgres/notification-settings.ts'
import { PostgresTraceReader } from '../../internal/repository/postgres/notification-trace-reader.ts'
import { PostgresPushTokens } from '../../internal/repository/postgres/push-tokens.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import type { LiveEvents } from '../../internal/service/live/ports.ts'
import type { MessageFinder } from '../../internal/service/notification/ports.ts'
import { PushTokenService } from '../../internal/service/notification/push-tokens.ts'
import { NotificationSettingsService } from '../../internal/service/notification/settings.ts'
import { TraceService } from '../../internal/service/notification/traces.ts'

export interface NotificationOptions {
  pool: pg.Pool
  clock: Clock
  live: Pick<LiveEvents, 'settingsUpdated'>
  messages: MessageFinder
}

/** What an API node offers about notifications. */
export function composeNotifications(options: NotificationOptions): { routes: Route[] } {
  const { pool, clock, live, messages } = options
  const sql = new Sql(pool)
  const store = new PostgresNotificationSettings(sql)
  const traces = new PostgresTraceReader(sql)
  return {
    routes: [
      ...pushTokenRoutes(new PushTokenService({ tokens: new PostgresPushTokens(pool), clock })),
      ...notificationSettingsRoutes(new NotificationSettingsService({ store, live, clock })),
      ...notificationTraceRoutes(new TraceService({ traces, messages })),
    ],
  }
}
