import { z } from 'zod'
import type { Receipts } from '../../service/receipt/receipts.ts'
import { conversationId, messageId, time } from './fields.ts'
import { answer, type Route, type RouteLimit, route } from './route.ts'
import { userSchema } from './user-schema.ts'

export const pointersSchema = z.object({ deliveredSeq: z.int().min(0), readSeq: z.int().min(0) })

const receipt = z
  .object({
    user: userSchema,
    state: z.enum(['sent', 'delivered', 'read']),
    deliveredAt: time
      .nullable()
      .meta({ description: 'null when not delivered, or when that was is not known' }),
    readAt: time.nullable(),
  })
  .meta({ id: 'Receipt' })

const receiptsAnswer = z.object({
  items: z.array(receipt).meta({ description: 'empty above 100 members' }),
  nextCursor: z.null(),
  memberCount: z.int().meta({ description: 'members whom it was sent to' }),
  deliveredCount: z.int().nullable().meta({ description: 'null above 100 members' }),
  readCount: z.int(),
})

const READ_LIMIT: RouteLimit = { name: 'read', by: 'user', points: 600, seconds: 60, whenDown: 'allow' }

const inConversation = z.strictObject({ conversationId })

export function receiptRoutes(receipts: Receipts): Route[] {
  return [
    route({
      method: 'post',
      path: '/conversations/:conversationId/read',
      summary: 'Say up to where you have read; never moves back, past the end means the end',
      tag: 'messages',
      scope: 'messages:write',
      limits: [READ_LIMIT],
      params: inConversation,
      body: z.strictObject({ seq: z.int().min(0) }),
      responses: { 200: pointersSchema },
      errors: ['not_found', 'overloaded'],
      handle: async ({ actor, params, body }) =>
        answer(200, await receipts.read(actor, params.conversationId, { seq: body.seq })),
    }),
    route({
      method: 'get',
      path: '/conversations/:conversationId/messages/:messageId/receipts',
      summary: 'Who has and has read a message, and since when',
      tag: 'messages',
      scope: 'messages:read',
      params: z.strictObject({ conversationId, messageId }),
      responses: { 200: receiptsAnswer },
      errors: ['not_found'],
      handle: async ({ actor, params }) =>
        answer(200, await receipts.of(actor, params.conversationId, params.messageId)),
    }),
  ]
}
