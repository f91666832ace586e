import { z } from 'zod'
import { GROUP_MEMBERS_MAX } from '../../domain/conversation.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import { conversationSchema, memberSchema } from './conversation-schema.ts'
import { clientId, conversationId, cursorParam, limitParam, pageOf, userId } from './fields.ts'
import { answer, type Route, route } from './route.ts'
import { textField, titleField } from './text-fields.ts'

const createBody = z.strictObject({
  kind: z.enum(['direct', 'group']),
  memberIds: z.array(userId).max(GROUP_MEMBERS_MAX - 1),
  name: titleField(128).nullish(),
  description: textField(1024).nullish(),
  clientId: clientId.nullish(),
})

const pageQuery = z.strictObject({ limit: limitParam(50, 100), cursor: cursorParam.optional() })
const params = z.strictObject({ conversationId })

export function conversationRoutes(conversations: Conversations): Route[] {
  return [
    route({
      method: 'post',
      path: '/conversations',
      summary: 'Open a direct conversation or make a group',
      tag: 'conversations',
      scope: 'conversations:write',
      body: createBody,
      responses: { 201: conversationSchema, 200: conversationSchema },
      errors: ['not_found', 'blocked', 'idempotency_mismatch'],
      handle: async ({ actor, body }) => {
        const { conversation, created } = await conversations.create(actor, {
          kind: body.kind,
          memberIds: body.memberIds,
          name: body.name ?? null,
          description: body.description ?? null,
          clientId: body.clientId ?? null,
        })
        return created ? answer(201, conversation) : answer(200, conversation)
      },
    }),
    route({
      method: 'get',
      path: '/conversations',
      summary: 'Your conversations, last active first',
      tag: 'conversations',
      scope: 'conversations:read',
      query: pageQuery,
      responses: { 200: pageOf(conversationSchema) },
      handle: async ({ actor, query }) =>
        answer(200, await conversations.list(actor, query.limit, query.cursor ?? null)),
    }),
    route({
      method: 'get',
      path: '/conversations/:conversationId',
      summary: 'One conversation, as you see it',
      tag: 'conversations',
      scope: 'conversations:read',
      params,
      responses: { 200: conversationSchema },
      errors: ['not_found'],
      handle: async ({ actor, params: { conversationId: id } }) =>
        answer(200, await conversations.get(actor, id)),
    }),
    route({
      method: 'get',
      path: '/conversations/:conversationId/members',
      summary: 'Its members, in the order they joined',
      tag: 'conversations',
      scope: 'conversations:read',
      params,
      query: pageQuery,
      responses: { 200: pageOf(memberSchema) },
      errors: ['not_found'],
      handle: async ({ actor, params: { conversationId: id }, query }) =>
        answer(200, await conversations.members(actor, id, query.limit, query.cursor ?? null)),
    }),
  ]
}
