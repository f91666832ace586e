import { z } from 'zod'
import type { DeadLetterService } from '../../service/notification/dead-letters.ts'
import { cursorParam, limitParam, pageOf, time, uuid } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'

const deadLetterSchema = z
  .object({
    id: z.string(),
    diedAt: time,
    reason: z.string(),
    kind: z.string().nullable(),
    eventId: z.string().nullable(),
    conversationId: uuid.nullable(),
    seq: z.int().nullable(),
    attempts: z.int(),
    recipients: z.int().nullable(),
  })
  .meta({ id: 'DeadLetter' })

// 32 digits; a UUID is none of theirs, but an id all the same, and not found.
const params = z.strictObject({
  id: z
    .string()
    .regex(
      /^[0-9a-f]{32}$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
      'must be the id of a dead letter',
    ),
})

/** Notifications that were given up. */
export function deadLetterRoutes(letters: DeadLetterService): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/dead-letters',
      summary: 'Notifications that were given up, the newest first, without what they say',
      tag: 'admin',
      scope: 'admin',
      query: z.strictObject({ limit: limitParam(50, 100), cursor: cursorParam.optional() }),
      responses: { 200: pageOf(deadLetterSchema) },
      handle: async ({ query: { limit, cursor } }) => answer(200, await letters.list(limit, cursor ?? null)),
    }),
    route({
      method: 'post',
      path: '/admin/dead-letters/retry',
      summary: 'Send all of them again',
      tag: 'admin',
      scope: 'admin',
      responses: { 200: z.object({ retried: z.int() }) },
      handle: async ({ actor, request }) =>
        answer(200, { retried: await letters.retryAll(actor, request.address) }),
    }),
    route({
      method: 'post',
      path: '/admin/dead-letters/:id/retry',
      summary: 'Send one again, to those it still concerns',
      tag: 'admin',
      scope: 'admin',
      params,
      responses: { 204: null },
      errors: ['not_found', 'conflict'],
      handle: async ({ actor, params: { id }, request }) => {
        await letters.retry(actor, id, request.address)
        return NO_CONTENT
      },
    }),
    route({
      method: 'delete',
      path: '/admin/dead-letters/:id',
      summary: 'Give one up for good',
      tag: 'admin',
      scope: 'admin',
      params,
      responses: { 204: null },
      handle: async ({ actor, params: { id }, request }) => {
        await letters.remove(actor, id, request.address)
        return NO_CONTENT
      },
    }),
  ]
}
