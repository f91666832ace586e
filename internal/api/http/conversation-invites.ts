import { z } from 'zod'
import { GROUP_MEMBERS_MAX } from '../../domain/conversation.ts'
import type { Invites } from '../../service/conversation/invites.ts'
import { conversationSchema, inviteSchema } from './conversation-schema.ts'
import { conversationId, pageOf } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'

const tag = 'conversations'
const params = z.strictObject({ conversationId })
const code = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'is not a code')

const EXPIRES_IN_MAX_S = 365 * 24 * 60 * 60

const createBody = z.strictObject({
  expiresIn: z.int().min(1).max(EXPIRES_IN_MAX_S).nullish(),
  maxUses: z.int().min(1).max(GROUP_MEMBERS_MAX).nullish(),
})

const previewSchema = z
  .object({
    invite: inviteSchema,
    conversation: conversationSchema.pick({
      name: true,
      description: true,
      avatarUrl: true,
      memberCount: true,
    }),
  })
  .meta({ id: 'InvitePreview' })

/** Links into a group: made, listed and revoked by members. */
export function inviteRoutes(invites: Invites): Route[] {
  return [
    route({
      method: 'get',
      path: '/conversations/:conversationId/invites',
      summary: 'Its invites, newest first; of ended ones the last 100',
      tag,
      scope: 'conversations:read',
      params,
      responses: { 200: pageOf(inviteSchema) },
      errors: ['not_found', 'forbidden'],
      handle: async ({ actor, params: { conversationId: id } }) =>
        answer(200, { items: await invites.list(actor, id), nextCursor: null }),
    }),
    route({
      method: 'post',
      path: '/conversations/:conversationId/invites',
      summary: 'Make an invite; without expiresIn (seconds) and maxUses it lasts until it is revoked',
      tag,
      scope: 'conversations:write',
      params,
      body: createBody,
      responses: { 201: inviteSchema },
      errors: ['not_found', 'forbidden', 'conflict'],
      handle: async ({ actor, params: { conversationId: id }, body }) =>
        answer(
          201,
          await invites.create(actor, id, {
            expiresIn: body.expiresIn ?? null,
            maxUses: body.maxUses ?? null,
          }),
        ),
    }),
    route({
      method: 'delete',
      path: '/conversations/:conversationId/invites/:code',
      summary: 'Revoke an invite',
      tag,
      scope: 'conversations:write',
      params: z.strictObject({ conversationId, code }),
      responses: { 204: null },
      errors: ['not_found', 'forbidden'],
      handle: async ({ actor, params: { conversationId: id, code: revoked } }) => {
        await invites.revoke(actor, id, revoked)
        return NO_CONTENT
      },
    }),
    ...joiningRoutes(invites),
  ]
}

/** For those who were given a link. */
function joiningRoutes(invites: Invites): Route[] {
  return [
    route({
      method: 'get',
      path: '/invites/:code',
      summary: 'What an invite leads to',
      tag,
      scope: 'conversations:read',
      params: z.strictObject({ code }),
      responses: { 200: previewSchema },
      errors: ['not_found', 'gone'],
      handle: async ({ params: { code: given } }) => answer(200, await invites.preview(given)),
    }),
    route({
      method: 'post',
      path: '/invites/:code/join',
      summary: 'Join by an invite; members use none up',
      tag,
      scope: 'conversations:write',
      params: z.strictObject({ code }),
      responses: { 200: conversationSchema },
      errors: ['not_found', 'gone', 'forbidden', 'conflict'],
      handle: async ({ actor, params: { code: given } }) => answer(200, await invites.join(actor, given)),
    }),
  ]
}
