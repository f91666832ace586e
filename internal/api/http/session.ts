import { z } from 'zod'
import type { SessionService } from '../../service/session/sessions.ts'
import { pageOf, sessionId } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'
import { sessionSchema } from './user-schema.ts'

/** One's signed-in devices. */
export function sessionRoutes(sessions: SessionService): Route[] {
  return [
    route({
      method: 'get',
      path: '/auth/sessions',
      summary: 'The devices signed in to the account',
      tag: 'auth',
      scope: 'session',
      responses: { 200: pageOf(sessionSchema) },
      handle: async ({ actor }) => answer(200, { items: await sessions.list(actor), nextCursor: null }),
    }),
    route({
      method: 'delete',
      path: '/auth/sessions/:id',
      summary: 'Sign one device out',
      tag: 'auth',
      scope: 'session',
      params: z.strictObject({ id: sessionId }),
      responses: { 204: null },
      errors: ['not_found'],
      handle: async ({ actor, params, request }) => {
        await sessions.end(actor, params.id, 'ended', request.address)
        return NO_CONTENT
      },
    }),
    route({
      method: 'delete',
      path: '/auth/sessions',
      summary: 'Sign all other devices out',
      tag: 'auth',
      scope: 'session',
      responses: { 204: null },
      handle: async ({ actor, request }) => {
        await sessions.endOthers(actor, request.address)
        return NO_CONTENT
      },
    }),
  ]
}
