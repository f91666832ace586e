import { z } from 'zod'
import type { Schedules } from '../../service/scheduled/schedules.ts'
import { PAGE_LIMIT, sendBody, sendInputOf } from '../message-input.ts'
import {
  clientId,
  conversationId,
  cursorParam,
  limitParam,
  messageId,
  pageOf,
  time,
  userId,
  uuid,
} from './fields.ts'
import { SEND_LIMIT } from './messages.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'

const tag = 'messages'
const params = z.strictObject({ conversationId })
const PATH = '/conversations/:conversationId/scheduled'

const scheduledSchema = z
  .object({
    id: uuid.meta({ description: 'also the clientId of the message that comes of it' }),
    conversationId,
    clientId: uuid.nullable(),
    type: z.literal('text'),
    content: z.string().meta({ description: 'empty once it was sent or cancelled' }),
    replyTo: messageId.nullable(),
    threadRootId: messageId.nullable(),
    mentions: z.object({ userIds: z.array(userId), all: z.boolean() }),
    sendAt: time,
    createdAt: time,
    status: z.enum(['pending', 'sending', 'sent', 'failed', 'cancelled']),
    reason: z.string().nullable().meta({ description: "why it failed: an error's code, or outcome_unknown" }),
  })
  .meta({ id: 'Scheduled' })

const scheduleBody = sendBody.extend({
  sendAt: z.iso
    .datetime({ offset: true })
    .meta({ description: 'in the future, within a year; it is kept to the millisecond' }),
})

/** Messages that go out later. */
export function scheduledRoutes(schedules: Schedules): Route[] {
  return [
    route({
      method: 'get',
      path: PATH,
      summary: 'Your messages that are to go out here, or could not, earliest first',
      tag,
      scope: 'messages:read',
      params,
      query: z.strictObject({
        cursor: cursorParam.optional(),
        limit: limitParam(PAGE_LIMIT.fallback, PAGE_LIMIT.max),
      }),
      responses: { 200: pageOf(scheduledSchema) },
      errors: ['not_found'],
      handle: async ({ actor, params: { conversationId: id }, query }) =>
        answer(200, await schedules.list(actor, id, query.limit, query.cursor ?? null)),
    }),
    route({
      method: 'post',
      path: PATH,
      summary: 'Schedule a message; 200 for a repeat under the same clientId',
      tag,
      scope: 'messages:write',
      limits: [SEND_LIMIT],
      params,
      body: scheduleBody,
      responses: { 201: scheduledSchema, 200: scheduledSchema },
      errors: ['not_found', 'forbidden', 'blocked', 'conflict', 'idempotency_mismatch'],
      handle: async ({ actor, params: { conversationId: id }, body }) => {
        const { sendAt, ...send } = body
        const made = await schedules.schedule(actor, id, sendInputOf(send, id), new Date(sendAt))
        return answer(made.created ? 201 : 200, made.scheduled)
      },
    }),
    route({
      method: 'delete',
      path: `${PATH}/:scheduledId`,
      summary: 'Cancel a scheduled message, or clear one that failed',
      tag,
      scope: 'messages:write',
      params: z.strictObject({ conversationId, scheduledId: clientId }),
      responses: { 204: null },
      errors: ['not_found', 'conflict'],
      handle: async ({ actor, params: given }) => {
        await schedules.cancel(actor, given.conversationId, given.scheduledId)
        return NO_CONTENT
      },
    }),
  ]
}
