import { z } from 'zod'
import type { Messages } from '../../service/message/messages.ts'
import { PAGE_LIMIT, pageQueryOf, sendBody, sendInputOf } from '../message-input.ts'
import { messageSchema } from './conversation-schema.ts'
import { conversationId, integerParam, limitParam, messageId } from './fields.ts'
import { answer, type Route, type RouteLimit, route } from './route.ts'

const params = z.strictObject({ conversationId })

const pageQuery = z.strictObject({
  before: integerParam(1).optional(),
  after: integerParam(0).optional(),
  around: integerParam(1).optional(),
  limit: limitParam(PAGE_LIMIT.fallback, PAGE_LIMIT.max),
})

export const sentSchema = z.object({ message: messageSchema, duplicate: z.literal(true).optional() })

export const messagePageSchema = z.object({
  items: z.array(messageSchema),
  hasBefore: z.boolean(),
  hasAfter: z.boolean(),
})

/** Shared by all that writes messages or changes them. */
export const SEND_LIMIT: RouteLimit = {
  name: 'send',
  by: 'user',
  points: 600,
  seconds: 60,
  whenDown: 'allow',
}

export function messageRoutes(messages: Messages): Route[] {
  return [
    route({
      method: 'post',
      path: '/conversations/:conversationId/messages',
      summary: 'Send a message; answered once it is committed',
      tag: 'messages',
      scope: 'messages:write',
      limits: [SEND_LIMIT],
      params,
      body: sendBody,
      responses: { 201: sentSchema, 200: sentSchema },
      errors: ['not_found', 'blocked', 'idempotency_mismatch', 'overloaded'],
      handle: async ({ actor, params: { conversationId: id }, body }) => {
        const { message, duplicate } = await messages.send(actor, id, sendInputOf(body, id))
        return duplicate ? answer(200, { message, duplicate }) : answer(201, { message })
      },
    }),
    route({
      method: 'get',
      path: '/conversations/:conversationId/messages',
      summary: 'A page of messages, ascending; without before, after or around the newest',
      tag: 'messages',
      scope: 'messages:read',
      params,
      query: pageQuery,
      responses: { 200: messagePageSchema },
      errors: ['not_found'],
      handle: async ({ actor, params: { conversationId: id }, query }) =>
        answer(200, await messages.page(actor, id, pageQueryOf(query))),
    }),
    route({
      method: 'get',
      path: '/conversations/:conversationId/messages/:messageId',
      summary: 'One message',
      tag: 'messages',
      scope: 'messages:read',
      params: z.strictObject({ conversationId, messageId }),
      responses: { 200: messageSchema },
      errors: ['not_found'],
      handle: async ({ actor, params: given }) =>
        answer(200, await messages.get(actor, given.conversationId, given.messageId)),
    }),
  ]
}
