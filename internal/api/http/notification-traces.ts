import { z } from 'zod'
import { invalid } from '../../domain/errors.ts'
import { PLATFORMS } from '../../domain/push.ts'
import type { TraceService } from '../../service/notification/traces.ts'
import {
  conversationId,
  cursorParam,
  integerParam,
  limitParam,
  messageId,
  pageOf,
  time,
  userId,
  uuid,
} from './fields.ts'
import { answer, type Route, route } from './route.ts'

const explanationSchema = z
  .object({
    channel: z.enum(['push', 'email']),
    device: z
      .object({ id: uuid, platform: z.enum(PLATFORMS).nullable(), deviceName: z.string().nullable() })
      .nullable(),
    outcome: z.enum(['sent', 'pending', 'none', 'failed']),
    reason: z.string(),
    text: z.string(),
    attempts: z.int(),
    at: time,
  })
  .meta({ id: 'NotificationTrace' })

const recipientOutcome = z.enum(['sent', 'pending', 'none'])
const recipientsSchema = z.object({
  counts: z.object({ sent: z.int(), pending: z.int(), none: z.int() }),
  items: z.array(z.object({ userId: uuid, outcome: recipientOutcome })),
})

const decision = z.object({
  userId: uuid,
  channel: z.enum(['push', 'email']),
  device: uuid.nullable(),
  outcome: z.enum(['push', 'wait', 'none', 'digest', 'sent']),
  reason: z.string(),
})
const attempt = z.object({
  userId: uuid,
  device: uuid,
  state: z.enum(['claimed', 'sent', 'retry', 'gone', 'dropped', 'dead']),
  attempt: z.int(),
  reason: z.string().nullable(),
  at: time,
})
const operatorTraceSchema = z
  .object({
    at: time,
    eventId: z.string(),
    kind: z.string(),
    pass: z.int(),
    conversationId: uuid.nullable(),
    seq: z.int().nullable(),
    decisions: z.array(decision),
    attempts: z.array(attempt),
  })
  .meta({ id: 'OperatorNotificationTrace' })

/** Why somebody was or was not notified. */
export function notificationTraceRoutes(traces: TraceService): Route[] {
  return [
    route({
      method: 'get',
      path: '/conversations/:conversationId/messages/:messageId/notifications',
      summary:
        'Why each of your devices was or was not notified of a message; of your own, how it stands with whom',
      tag: 'notifications',
      scope: 'messages:read',
      params: z.strictObject({ conversationId, messageId }),
      responses: {
        200: z.object({ items: z.array(explanationSchema), recipients: recipientsSchema.nullable() }),
      },
      errors: ['not_found'],
      handle: async ({ actor, params: given }) =>
        answer(200, await traces.ofMessage(actor, given.conversationId, given.messageId)),
    }),
    route({
      method: 'get',
      path: '/admin/notifications',
      summary: 'What was decided and tried, by user or by message, the newest first',
      tag: 'admin',
      scope: 'admin',
      query: z.strictObject({
        userId: userId.optional(),
        conversationId: conversationId.optional(),
        seq: integerParam(1).optional(),
        limit: limitParam(20, 50),
        cursor: cursorParam.optional(),
      }),
      responses: { 200: pageOf(operatorTraceSchema) },
      handle: async ({
        query: { userId: user = null, conversationId: conversation, seq, limit, cursor },
      }) => {
        const message = conversation && seq !== undefined ? { conversationId: conversation, seq } : null
        if (user === null && message === null) throw invalid('userId', 'is needed, or conversationId and seq')
        return answer(200, await traces.list({ userId: user, message, cursor: cursor ?? null, limit }))
      },
    }),
  ]
}
