import { z } from 'zod'
import { GROUP_MEMBERS_MAX } from '../../domain/conversation.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import type { Members } from '../../service/conversation/members.ts'
import { conversationSchema, memberSchema } from './conversation-schema.ts'
import { conversationId, cursorParam, limitParam, pageOf, userId } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'

const tag = 'conversations'
const scope = 'conversations:write'
const params = z.strictObject({ conversationId })
const memberParams = z.strictObject({ conversationId, userId })

/** Who is in a conversation, and as what. */
export function memberRoutes(conversations: Conversations, members: Members): Route[] {
  return [
    ...membershipRoutes(conversations, members),
    route({
      method: 'patch',
      path: '/conversations/:conversationId/members/:userId',
      summary: 'Give a member another role, below your own',
      tag,
      scope,
      params: memberParams,
      body: z.strictObject({ role: z.enum(['admin', 'moderator', 'member']) }),
      responses: { 200: memberSchema },
      errors: ['not_found', 'forbidden'],
      handle: async ({ actor, params: { conversationId: id, userId: member }, body, request }) =>
        answer(200, await members.setRole(actor, id, { userId: member, role: body.role }, request.address)),
    }),
    route({
      method: 'delete',
      path: '/conversations/:conversationId/members/:userId',
      summary: 'Remove a member of a lower role; yourself: leave',
      tag,
      scope,
      params: memberParams,
      responses: { 204: null },
      errors: ['not_found', 'forbidden', 'conflict'],
      handle: async ({ actor, params: { conversationId: id, userId: member }, request }) => {
        await members.remove(actor, id, member, request.address)
        return NO_CONTENT
      },
    }),
    route({
      method: 'post',
      path: '/conversations/:conversationId/leave',
      summary: 'Leave a group; the last to leave deletes it',
      tag,
      scope,
      params,
      responses: { 204: null },
      errors: ['not_found', 'forbidden', 'conflict'],
      handle: async ({ actor, params: { conversationId: id }, request }) => {
        await members.leave(actor, id, request.address)
        return NO_CONTENT
      },
    }),
    route({
      method: 'post',
      path: '/conversations/:conversationId/transfer',
      summary: 'Make another member the owner; you stay as an admin',
      tag,
      scope,
      params,
      body: z.strictObject({ userId }),
      responses: { 200: conversationSchema },
      errors: ['not_found', 'forbidden'],
      handle: async ({ actor, params: { conversationId: id }, body, request }) => {
        await members.transfer(actor, id, body.userId, request.address)
        return answer(200, await conversations.get(actor, id))
      },
    }),
  ]
}

function membershipRoutes(conversations: Conversations, members: Members): Route[] {
  return [
    route({
      method: 'get',
      path: '/conversations/:conversationId/members',
      summary: 'Its members, in the order they joined',
      tag,
      scope: 'conversations:read',
      params,
      query: z.strictObject({ limit: limitParam(50, 100), cursor: cursorParam.optional() }),
      responses: { 200: pageOf(memberSchema) },
      errors: ['not_found'],
      handle: async ({ actor, params: { conversationId: id }, query }) =>
        answer(200, await conversations.members(actor, id, query.limit, query.cursor ?? null)),
    }),
    route({
      method: 'post',
      path: '/conversations/:conversationId/members',
      summary: 'Add members to a group; 200 when all had been there before',
      tag,
      scope,
      params,
      body: z.strictObject({
        userIds: z
          .array(userId)
          .min(1)
          .max(GROUP_MEMBERS_MAX - 1),
      }),
      responses: { 201: pageOf(memberSchema), 200: pageOf(memberSchema) },
      errors: ['not_found', 'forbidden', 'blocked', 'conflict'],
      handle: async ({ actor, params: { conversationId: id }, body }) => {
        const { members: items, added } = await members.add(actor, id, body.userIds)
        const page = { items, nextCursor: null }
        return added ? answer(201, page) : answer(200, page)
      },
    }),
  ]
}
