import { z } from 'zod'
import { PASSWORD_MAX } from '../../domain/identity.ts'
import type { AccountClosing } from '../../service/account/closing.ts'
import type { AccountExport } from '../../service/account/export.ts'
import { factorField } from './fields.ts'
import { answer, FileAnswer, fileOf, NO_CONTENT, type Route, route } from './route.ts'
import { zipOf } from './zip.ts'

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
        password: z
          .string()
          .min(1)
          .max(PASSWORD_MAX)
          .optional()
          .meta({ description: 'needed once the sign-in is over ten minutes old' }),
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

/** Everything the service holds of oneself. */
export function exportRoutes(accounts: AccountExport): Route[] {
  return [
    route({
      method: 'get',
      path: '/users/me/export',
      summary: 'A ZIP of JSON files: your profile, settings, conversations, messages and acts',
      tag: 'users',
      scope: 'session',
      limits: [{ name: 'user-export', by: 'user', points: 2, seconds: 3600, whenDown: 'refuse' }],
      responses: { 200: fileOf('application/zip') },
      handle: async ({ actor, request }) => {
        const files = await accounts.files(actor, request.address)
        return answer(200, new FileAnswer('realchat-export.zip', zipOf(files)))
      },
    }),
  ]
}
