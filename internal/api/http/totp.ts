import { z } from 'zod'
import type { SecondFactor } from '../../service/auth/second-factor.ts'
import { factorField } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'

const code = factorField

/** The second factor. */
export function totpRoutes(factor: SecondFactor): Route[] {
  return [
    route({
      method: 'post',
      path: '/auth/totp/setup',
      summary: 'A secret for an authenticator; in force once a code of it was given',
      tag: 'auth',
      scope: 'session',
      responses: { 200: z.object({ secret: z.string(), otpauthUrl: z.string() }) },
      errors: ['conflict'],
      handle: async ({ actor }) => answer(200, await factor.setup(actor)),
    }),
    route({
      method: 'post',
      path: '/auth/totp/enable',
      summary: 'Ask for a code at every sign-in from now on; answers recovery codes, this once',
      tag: 'auth',
      scope: 'session',
      body: z.strictObject({ code }),
      responses: { 200: z.object({ recoveryCodes: z.array(z.string()) }) },
      errors: ['conflict', 'rate_limited'],
      handle: async ({ actor, body, request }) =>
        answer(200, { recoveryCodes: await factor.enable(actor, body.code, request.address) }),
    }),
    route({
      method: 'post',
      path: '/auth/totp/disable',
      summary: 'Ask for a second factor no more',
      tag: 'auth',
      scope: 'session',
      body: z.strictObject({ code }),
      responses: { 204: null },
      errors: ['rate_limited'],
      handle: async ({ actor, body, request }) => {
        await factor.disable(actor, body.code, request.address)
        return NO_CONTENT
      },
    }),
  ]
}
