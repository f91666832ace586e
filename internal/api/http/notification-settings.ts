import { z } from 'zod'
import {
  EMAIL_DELAY_MAX,
  EMAIL_DELAY_MIN,
  NOTIFY_LEVELS,
  type NotificationSettings,
  WEEKDAYS,
} from '../../domain/notification.ts'
import type { NotificationSettingsService } from '../../service/notification/settings.ts'
import { answer, type Route, route } from './route.ts'

const wallTime = z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time of day, HH:MM')

const quietHours = z.strictObject({
  start: wallTime,
  end: wallTime,
  timeZone: z.string().min(1).max(64),
  days: z
    .array(z.enum(WEEKDAYS))
    .min(1)
    .max(7)
    .default([...WEEKDAYS])
    .transform((days) => WEEKDAYS.filter((day) => days.includes(day))),
})

const fields = {
  push: z.boolean(),
  email: z.boolean(),
  direct: z.enum(['all', 'none']),
  groups: z.enum(NOTIFY_LEVELS),
  threads: z.boolean(),
  reactions: z.boolean(),
  previews: z.boolean(),
  emailDelay: z.int().min(EMAIL_DELAY_MIN).max(EMAIL_DELAY_MAX),
}

export const settingsSchema = z
  .object({
    ...fields,
    quietHours: z
      .object({ start: wallTime, end: wallTime, timeZone: z.string(), days: z.array(z.enum(WEEKDAYS)) })
      .nullable(),
  })
  .meta({ id: 'NotificationSettings' })

const changeSchema = z.strictObject({ ...fields, quietHours: quietHours.nullable() }).partial()

/** What somebody wants to be told. */
export function notificationSettingsRoutes(settings: NotificationSettingsService): Route[] {
  return [
    route({
      method: 'get',
      path: '/notifications/settings',
      summary: 'What you want to be told',
      tag: 'notifications',
      scope: 'profile',
      responses: { 200: settingsSchema },
      handle: async ({ actor }) => answer(200, await settings.find(actor)),
    }),
    route({
      method: 'put',
      path: '/notifications/settings',
      summary: 'Change what you want to be told; what is left out stays',
      tag: 'notifications',
      scope: 'profile',
      body: changeSchema,
      responses: { 200: settingsSchema },
      limits: [{ name: 'notification-settings', points: 120, seconds: 3600, whenDown: 'allow', by: 'user' }],
      handle: async ({ actor, body }) => answer(200, await settings.change(actor, present(body))),
    }),
  ]
}

/** Without the keys that were not given. */
function present(body: z.output<typeof changeSchema>): Partial<NotificationSettings> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
}
