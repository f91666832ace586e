import { z } from 'zod'
import { FORWARD_MAX, type Forwarding } from '../../service/message/forwarding.ts'
import type { History } from '../../service/message/history.ts'
import type { MessageLists } from '../../service/message/message-lists.ts'
import { PAGE_LIMIT } from '../message-input.ts'
import { changeSchema, messageSchema } from './conversation-schema.ts'
import { clientId, conversationId, integerParam, limitParam, messageId, pageOf, time } from './fields.ts'
import { messagePageSchema, SEND_LIMIT, sentSchema } from './messages.ts'
import { answer, type Route, route } from './route.ts'

const params = z.strictObject({ conversationId, messageId })
const inConversation = z.strictObject({ conversationId })

const MESSAGE = '/conversations/:conversationId/messages/:messageId'

const READ = { method: 'get', tag: 'messages', scope: 'messages:read', errors: ['not_found'] } as const

const edit = z.object({ content: z.string(), editedAt: time }).meta({ id: 'Edit' })

const threadQuery = z
  .strictObject({
    before: integerParam(1).optional(),
    after: integerParam(0).optional(),
    limit: limitParam(PAGE_LIMIT.fallback, PAGE_LIMIT.max),
  })
  .refine(({ before, after }) => before === undefined || after === undefined, {
    path: ['before'],
    message: 'cannot be combined with after',
  })

const changesAnswer = z.object({ changes: z.array(changeSchema), rev: z.int(), more: z.boolean() })

export function messageListRoutes(lists: MessageLists, history: History): Route[] {
  return [
    route({
      ...READ,
      path: `${MESSAGE}/edits`,
      summary: 'The texts a message had before, oldest first',
      params,
      responses: { 200: pageOf(edit) },
      handle: async ({ actor, params: given }) => {
        const items = await lists.edits(actor, given.conversationId, given.messageId)
        return answer(200, { items, nextCursor: null })
      },
    }),
    route({
      ...READ,
      path: `${MESSAGE}/thread`,
      summary: 'Replies in the thread of a message, ascending; without before or after the newest',
      params,
      query: threadQuery,
      responses: { 200: messagePageSchema },
      handle: async ({ actor, params: given, query }) =>
        answer(200, await lists.thread(actor, given.conversationId, given.messageId, query)),
    }),
    route({
      ...READ,
      path: '/conversations/:conversationId/pins',
      summary: 'Pinned messages, latest pin first',
      params: inConversation,
      responses: { 200: pageOf(messageSchema) },
      handle: async ({ actor, params: given }) =>
        answer(200, { items: await lists.pins(actor, given.conversationId), nextCursor: null }),
    }),
    route({
      ...READ,
      path: '/conversations/:conversationId/changes',
      summary: 'What happened to messages since a rev, at most 200 at a time',
      params: inConversation,
      query: z.strictObject({ after: integerParam(0) }),
      responses: { 200: changesAnswer },
      handle: async ({ actor, params: given, query }) =>
        answer(200, await history.changes(given.conversationId, actor.userId, query.after)),
    }),
  ]
}

const forwardBody = z.strictObject({
  conversationIds: z.array(conversationId).min(1).max(FORWARD_MAX),
  clientId: clientId.nullish(),
})

export function forwardRoutes(forwarding: Forwarding): Route[] {
  return [
    route({
      method: 'post',
      path: `${MESSAGE}/forward`,
      summary: 'Send a message on to other conversations',
      tag: 'messages',
      scope: 'messages:write',
      limits: [SEND_LIMIT],
      params,
      body: forwardBody,
      responses: {
        201: z.object({ items: z.array(sentSchema) }),
        200: z.object({ items: z.array(sentSchema) }),
      },
      errors: ['not_found', 'forbidden', 'blocked', 'conflict', 'idempotency_mismatch', 'overloaded'],
      handle: async ({ actor, params: given, body }) => {
        const sent = await forwarding.forward(actor, given, body.conversationIds, body.clientId ?? null)
        const items = sent.map(({ message, duplicate }) => (duplicate ? { message, duplicate } : { message }))
        const isRepeat = sent.every(({ duplicate }) => duplicate)
        return isRepeat ? answer(200, { items }) : answer(201, { items })
      },
    }),
  ]
}
