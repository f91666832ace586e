import type { UserId } from '../../domain/ids.ts'
import {
  DEFAULT_NOTIFICATION_SETTINGS,
  type NotificationSettings,
  type NotifyLevel,
  type QuietHours,
  WEEKDAYS,
} from '../../domain/notification.ts'
import { minutesOf, timeOfMinutes } from '../../domain/quiet-hours.ts'
import type { SettingsStore } from '../../service/notification/ports.ts'
import type { Sql } from './sql.ts'

export interface SettingsRow {
  push: boolean
  email: boolean
  notify_direct: 'all' | 'none'
  notify_groups: NotifyLevel
  threads: boolean
  reactions: boolean
  previews: boolean
  email_delay: number
  quiet_start: number | null
  quiet_end: number | null
  quiet_zone: string | null
  quiet_days: number[] | null
}

export const SETTINGS_COLUMNS = `push, email, notify_direct, notify_groups, threads, reactions, previews, email_delay,
    quiet_start, quiet_end, quiet_zone, quiet_days`

const FIND = `select ${SETTINGS_COLUMNS} from notification_settings where user_id = $1`

const SAVE = `
  insert into notification_settings (user_id, push, email, notify_direct, notify_groups, threads, reactions,
    previews, email_delay, quiet_start, quiet_end, quiet_zone, quiet_days, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  on conflict (user_id) do update set push = excluded.push, email = excluded.email,
    notify_direct = excluded.notify_direct, notify_groups = excluded.notify_groups,
    threads = excluded.threads, reactions = excluded.reactions, previews = excluded.previews,
    email_delay = excluded.email_delay, quiet_start = excluded.quiet_start, quiet_end = excluded.quiet_end,
    quiet_zone = excluded.quiet_zone, quiet_days = excluded.quiet_days, updated_at = excluded.updated_at`

const LOCK = 'select 1 from users where id = $1 for no key update'

export class PostgresNotificationSettings implements SettingsStore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async find(userId: UserId): Promise<NotificationSettings> {
    const [row] = await this.#sql.query<SettingsRow>(FIND, [userId])
    return row ? settingsOf(row) : DEFAULT_NOTIFICATION_SETTINGS
  }

  /** Under the user's row, so that of two changes at once neither undoes the other. */
  change(userId: UserId, change: Partial<NotificationSettings>, at: Date): Promise<NotificationSettings> {
    return this.#sql.transaction(async (sql) => {
      await sql.query(LOCK, [userId])
      const [row] = await sql.query<SettingsRow>(FIND, [userId])
      const changed = { ...(row ? settingsOf(row) : DEFAULT_NOTIFICATION_SETTINGS), ...change }
      const { push, email, direct, groups, threads, reactions, previews, emailDelay, quietHours } = changed
      const own = [userId, push, email, direct, groups, threads, reactions, previews, emailDelay]
      await sql.query(SAVE, [...own, ...quietColumns(quietHours), at])
      return changed
    })
  }
}

export function settingsOf(row: SettingsRow): NotificationSettings {
  const { push, email, threads, reactions, previews } = row
  return {
    push,
    email,
    direct: row.notify_direct,
    groups: row.notify_groups,
    threads,
    reactions,
    previews,
    emailDelay: row.email_delay,
    quietHours: quietHoursOf(row),
  }
}

function quietHoursOf({ quiet_start, quiet_end, quiet_zone, quiet_days }: SettingsRow): QuietHours | null {
  if (quiet_start === null || quiet_end === null || quiet_zone === null || quiet_days === null) return null
  return {
    start: timeOfMinutes(quiet_start),
    end: timeOfMinutes(quiet_end),
    timeZone: quiet_zone,
    days: WEEKDAYS.filter((_, day) => quiet_days.includes(day)),
  }
}

function quietColumns(hours: QuietHours | null): unknown[] {
  if (!hours) return [null, null, null, null]
  const { start, end, timeZone, days } = hours
  return [minutesOf(start), minutesOf(end), timeZone, days.map((day) => WEEKDAYS.indexOf(day))]
}
