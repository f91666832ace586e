import { z } from 'zod'
import { PASSWORD_MAX } from '../../domain/identity.ts'
import type { AccountClosing } from '../../service/account/closing.ts'
import { factorField } from './fields.ts'
import { NO_CONTENT, type Route, route } from './route.ts'

/** The end of one's account. */
export function accountRoutes(closing: AccountClosing): Route[] {
  return [
    route({
      method: 'delete',
      path: '/users/me',
      summary: 'Delete your account and, from now on, what you wrote; nothing brings it back',
      tag: 'users',
      scope: 'session',
      body: z.strictObject({
        password: z.string().min(1).max(PASSWORD_MAX),
        code: factorField.optional(),
      }),
      responses: { 204: null },
      errors: ['totp_required', 'rate_limited', 'overloaded'],
      handle: async ({ actor, body, request }) => {
        await closing.close(actor, body, request.address)
        return NO_CONTENT
      },
    }),
  ]
}
