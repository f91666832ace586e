import { z } from 'zod'
import { NOTIFY_LEVELS } from '../../domain/notification.ts'
import type { DeviceId } from '../../domain/push.ts'
import { PLATFORMS, PUSH_TOKEN_MAX_LENGTH } from '../../domain/push.ts'
import type { PushTokenService } from '../../service/notification/push-tokens.ts'
import { pageOf, time, uuid } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'
import { titleField } from './text-fields.ts'

const DEVICE_NAME_MAX = 100

const pushTokenSchema = z
  .object({
    id: uuid,
    platform: z.enum(PLATFORMS),
    deviceName: z.string().nullable(),
    createdAt: time,
    notify: z.enum(NOTIFY_LEVELS),
    previews: z.boolean(),
  })
  .meta({ id: 'PushToken' })

/** Printable ASCII, as FCM's tokens are. */
const token = z
  .string()
  .min(1)
  .max(PUSH_TOKEN_MAX_LENGTH)
  .regex(/^[\x21-\x7e]+$/, 'must be a push token')

const deviceParams = z.strictObject({ id: uuid.transform((id) => id as DeviceId) })

/** Devices that a user wants pushes on. */
export function pushTokenRoutes(tokens: PushTokenService): Route[] {
  return [
    route({
      method: 'get',
      path: '/push-tokens',
      summary: 'The devices registered for push',
      tag: 'notifications',
      scope: 'session',
      responses: { 200: pageOf(pushTokenSchema) },
      handle: async ({ actor }) => answer(200, { items: await tokens.list(actor), nextCursor: null }),
    }),
    route({
      method: 'post',
      path: '/push-tokens',
      summary: 'Register this device for push, or refresh its registration',
      tag: 'notifications',
      scope: 'session',
      body: z.strictObject({
        token,
        platform: z.enum(PLATFORMS),
        deviceName: titleField(DEVICE_NAME_MAX).nullish(),
      }),
      responses: { 201: pushTokenSchema },
      limits: [{ name: 'push-tokens', points: 60, seconds: 3600, whenDown: 'allow', by: 'user' }],
      handle: async ({ actor, body }) =>
        answer(201, await tokens.register(actor, { ...body, deviceName: body.deviceName ?? null })),
    }),
    route({
      method: 'patch',
      path: '/push-tokens/:id',
      summary: 'What a device is told, within what its user wants',
      tag: 'notifications',
      scope: 'session',
      params: deviceParams,
      body: z.strictObject({
        notify: z.enum(NOTIFY_LEVELS).optional(),
        previews: z.boolean().optional(),
      }),
      responses: { 200: pushTokenSchema },
      errors: ['not_found'],
      handle: async ({ actor, params, body: { notify, previews } }) => {
        const change = { ...(notify && { notify }), ...(previews !== undefined && { previews }) }
        return answer(200, await tokens.change(actor, params.id, change))
      },
    }),
    route({
      method: 'delete',
      path: '/push-tokens/:id',
      summary: 'End pushes to a device',
      tag: 'notifications',
      scope: 'session',
      params: deviceParams,
      responses: { 204: null },
      errors: ['not_found'],
      handle: async ({ actor, params }) => {
        await tokens.remove(actor, params.id)
        return NO_CONTENT
      },
    }),
  ]
}
