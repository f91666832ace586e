import type pg from 'pg'
import { notificationSettingsRoutes } from '../../internal/api/http/notification-settings.ts'
import { pushTokenRoutes } from '../../internal/api/http/push-tokens.ts'
import type { Route } from '../../internal/api/http/route.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import { PostgresNotificationSettings } from '../../internal/repository/postgres/notification-settings.ts'
import { PostgresPushTokens } from '../../internal/repository/postgres/push-tokens.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import type { LiveEvents } from '../../internal/service/live/ports.ts'
import { PushTokenService } from '../../internal/service/notification/push-tokens.ts'
import { NotificationSettingsService } from '../../internal/service/notification/settings.ts'

export interface NotificationOptions {
  pool: pg.Pool
  clock: Clock
  live: Pick<LiveEvents, 'settingsUpdated'>
}

/** What an API node offers about notifications. */
export function composeNotifications({ pool, clock, live }: NotificationOptions): { routes: Route[] } {
  const store = new PostgresNotificationSettings(new Sql(pool))
  return {
    routes: [
      ...pushTokenRoutes(new PushTokenService({ tokens: new PostgresPushTokens(pool), clock })),
      ...notificationSettingsRoutes(new NotificationSettingsService({ store, live, clock })),
    ],
  }
}
