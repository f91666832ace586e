import { z } from 'zod'
import { invalid } from '../../domain/errors.ts'
import { emailIdentity, type Identity, PASSWORD_MAX, phoneIdentity } from '../../domain/identity.ts'
import type { CodeSignIn } from '../../service/auth/code-sign-in.ts'
import type { PasswordService } from '../../service/auth/passwords.ts'
import { deviceOf } from '../device.ts'
import { codeField, emailField, factorField, passwordField, phoneField } from './fields.ts'
import { answer, NO_CONTENT, type Route, type RouteLimit, route } from './route.ts'
import { signedInSchema } from './user-schema.ts'

const purpose = z.enum(['sign_in', 'verify'])

/** The shape with an email address or a phone number: one of them. */
function addressed<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.union([
    z.strictObject({ ...shape, email: emailField }),
    z.strictObject({ ...shape, phone: phoneField }),
  ])
}

const requests: RouteLimit = {
  name: 'code-request-address',
  by: 'address',
  points: 30,
  seconds: 3600,
  whenDown: 'refuse',
}
const guesses: RouteLimit = {
  name: 'code-guess-address',
  by: 'address',
  points: 30,
  seconds: 600,
  whenDown: 'refuse',
}

function identityOf(body: { email: string } | { phone: string }): Identity {
  if ('email' in body) {
    const identity = emailIdentity(body.email)
    if (!identity) throw invalid('email', 'This is not an email address.')
    return identity
  }
  const identity = phoneIdentity(body.phone)
  if (!identity) throw invalid('phone', 'This is not an E.164 number such as +15551234567.')
  return identity
}

/** One-time codes: addresses verified, and sign-in, by them. */
export function codeRoutes(codes: CodeSignIn): Route[] {
  return [
    route({
      method: 'post',
      path: '/auth/otp/request',
      summary: 'Send a one-time code; the answer does not tell whether the address is known',
      tag: 'auth',
      scope: 'open',
      limits: [requests],
      body: addressed({ purpose }),
      responses: { 204: null },
      handle: async ({ body }) => {
        await codes.request(identityOf(body), body.purpose)
        return NO_CONTENT
      },
    }),
    route({
      method: 'post',
      path: '/auth/otp/verify',
      summary: 'Verify an address, or sign in, by a one-time code',
      tag: 'auth',
      scope: 'open',
      limits: [guesses],
      body: addressed({ purpose, code: codeField, totpCode: factorField.optional() }),
      responses: { 200: signedInSchema, 204: null },
      errors: ['unauthenticated', 'totp_required', 'forbidden'],
      handle: async ({ body, request }) => {
        const identity = identityOf(body)
        if (body.purpose === 'sign_in') {
          return answer(200, await codes.signIn(identity, body.code, body.totpCode, deviceOf(request)))
        }
        await codes.verify(identity, body.code, deviceOf(request))
        return NO_CONTENT
      },
    }),
  ]
}

/** Passwords forgotten, reset and changed. */
export function passwordRoutes(passwords: PasswordService): Route[] {
  return [
    route({
      method: 'post',
      path: '/auth/password/forgot',
      summary: 'Send a code to reset the password; the answer does not tell whether the address is known',
      tag: 'auth',
      scope: 'open',
      limits: [requests],
      body: addressed({}),
      responses: { 204: null },
      handle: async ({ body }) => {
        await passwords.forgot(identityOf(body))
        return NO_CONTENT
      },
    }),
    route({
      method: 'post',
      path: '/auth/password/reset',
      summary: 'Set a new password by a code; all sessions end',
      tag: 'auth',
      scope: 'open',
      limits: [guesses],
      body: addressed({ code: codeField, password: passwordField }),
      responses: { 204: null },
      errors: ['unauthenticated', 'conflict', 'overloaded'],
      handle: async ({ body, request }) => {
        await passwords.reset(identityOf(body), body.code, body.password, deviceOf(request))
        return NO_CONTENT
      },
    }),
    route({
      method: 'put',
      path: '/auth/password',
      summary: 'Change the password; all other sessions end',
      tag: 'auth',
      scope: 'session',
      body: z.strictObject({
        currentPassword: z.string().min(1).max(PASSWORD_MAX),
        newPassword: passwordField,
      }),
      responses: { 204: null },
      errors: ['conflict', 'overloaded', 'rate_limited'],
      handle: async ({ actor, body, request }) => {
        await passwords.change(actor, body.currentPassword, body.newPassword, request.address)
        return NO_CONTENT
      },
    }),
  ]
}
