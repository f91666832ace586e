import { z } from 'zod'
import { type ConversationSettings, GROUP_MEMBERS_MAX, MESSAGE_TTL_MAX_S } from '../../domain/conversation.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import type { Settings } from '../../service/conversation/settings.ts'
import { conversationSchema } from './conversation-schema.ts'
import { clientId, conversationId, cursorParam, limitParam, pageOf, pictureUrl, userId } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'
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

const policy = z.enum(['everyone', 'admins'])
const changeBody = z.strictObject({
  name: titleField(128).nullable().optional(),
  description: textField(1024).nullable().optional(),
  avatarUrl: pictureUrl.nullable().optional(),
  postPolicy: policy.optional(),
  invitePolicy: policy.optional(),
  infoPolicy: policy.optional(),
  historyVisibility: z.enum(['joined', 'all']).optional(),
  messageTtl: z.int().min(1).max(MESSAGE_TTL_MAX_S).nullable().optional(),
})

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
  ]
}

/** What a conversation is called, its policies, and its end. */
export function settingsRoutes(settings: Settings): Route[] {
  return [
    route({
      method: 'patch',
      path: '/conversations/:conversationId',
      summary: 'Change what it is called, who may do what, or how long messages live (seconds)',
      tag: 'conversations',
      scope: 'conversations:write',
      params,
      body: changeBody,
      responses: { 200: conversationSchema },
      errors: ['not_found', 'forbidden', 'blocked'],
      handle: async ({ actor, params: { conversationId: id }, body }) =>
        answer(200, await settings.change(actor, id, given(body))),
    }),
    route({
      method: 'delete',
      path: '/conversations/:conversationId',
      summary: 'Delete a group, for all its members',
      tag: 'conversations',
      scope: 'conversations:write',
      params,
      responses: { 204: null },
      errors: ['not_found', 'forbidden'],
      handle: async ({ actor, params: { conversationId: id }, request }) => {
        await settings.delete(actor, id, request.address)
        return NO_CONTENT
      },
    }),
  ]
}

/** The fields that the request has. */
function given(body: z.output<typeof changeBody>): Partial<ConversationSettings> {
  const { name, description, avatarUrl, postPolicy, invitePolicy, infoPolicy } = body
  const { historyVisibility, messageTtl } = body
  return {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(avatarUrl !== undefined && { avatarUrl }),
    ...(postPolicy !== undefined && { postPolicy }),
    ...(invitePolicy !== undefined && { invitePolicy }),
    ...(infoPolicy !== undefined && { infoPolicy }),
    ...(historyVisibility !== undefined && { historyVisibility }),
    ...(messageTtl !== undefined && { messageTtl }),
  }
}
