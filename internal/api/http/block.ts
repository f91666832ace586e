import { z } from 'zod'
import type { BlockService } from '../../service/block/blocks.ts'
import { limitParam, pageOf, userId } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'
import { userSchema } from './user-schema.ts'

/** Blocks. */
export function blockRoutes(blocks: BlockService): Route[] {
  return [
    route({
      method: 'put',
      path: '/users/:id/block',
      summary: 'Block a user',
      tag: 'users',
      scope: 'profile',
      params: z.strictObject({ id: userId }),
      responses: { 204: null },
      errors: ['not_found'],
      handle: async ({ actor, params, request }) => {
        await blocks.block(actor, params.id, request.address)
        return NO_CONTENT
      },
    }),
    route({
      method: 'delete',
      path: '/users/:id/block',
      summary: 'Lift a block',
      tag: 'users',
      scope: 'profile',
      params: z.strictObject({ id: userId }),
      responses: { 204: null },
      handle: async ({ actor, params, request }) => {
        await blocks.unblock(actor, params.id, request.address)
        return NO_CONTENT
      },
    }),
    route({
      method: 'get',
      path: '/users/me/blocks',
      summary: 'Whom you have blocked',
      tag: 'users',
      scope: 'profile',
      query: z.strictObject({ limit: limitParam(50, 100), cursor: userId.optional() }),
      responses: { 200: pageOf(userSchema) },
      handle: async ({ actor, query }) =>
        answer(200, await blocks.list(actor, query.limit, query.cursor ?? null)),
    }),
  ]
}
