import { z } from 'zod'
import { PASSWORD_MAX } from '../../domain/identity.ts'
import type { AuthService } from '../../service/auth/auth.ts'
import { deviceOf } from '../device.ts'
import {
  displayNameField,
  emailField,
  factorField,
  passwordField,
  phoneField,
  usernameField,
} from './fields.ts'
import { answer, NO_CONTENT, type Route, type RouteLimit, route } from './route.ts'
import { signedInSchema } from './user-schema.ts'

const perAddress = (name: string, points: number, seconds: number): RouteLimit => ({
  name,
  by: 'address',
  points,
  seconds,
  whenDown: 'refuse',
})

/** Registration, sign-in, refresh, sign-out. */
export function authRoutes(auth: AuthService): Route[] {
  return [
    route({
      method: 'post',
      path: '/auth/register',
      summary: 'Make an account and sign in',
      tag: 'auth',
      scope: 'open',
      limits: [perAddress('register', 300, 3600)],
      body: z.strictObject({
        username: usernameField,
        email: emailField.optional(),
        phone: phoneField.optional(),
        password: passwordField,
        displayName: displayNameField.optional(),
      }),
      responses: { 201: signedInSchema },
      errors: ['conflict', 'overloaded'],
      handle: async ({ body, request }) => answer(201, await auth.register(body, deviceOf(request))),
    }),
    route({
      method: 'post',
      path: '/auth/login',
      summary: 'Sign in by username, email or phone, and password',
      tag: 'auth',
      scope: 'open',
      limits: [perAddress('login', 120, 60)],
      body: z.strictObject({
        identifier: z.string().min(1).max(254),
        password: z.string().min(1).max(PASSWORD_MAX),
        code: factorField.optional(),
      }),
      responses: { 200: signedInSchema },
      errors: ['unauthenticated', 'totp_required', 'forbidden', 'overloaded'],
      handle: async ({ body, request }) => answer(200, await auth.login(body, deviceOf(request))),
    }),
    route({
      method: 'post',
      path: '/auth/refresh',
      summary: 'Exchange a refresh token for new tokens',
      tag: 'auth',
      scope: 'open',
      // A refresh token cannot be guessed, and refusing it would sign everybody out while Redis is away.
      limits: [{ ...perAddress('refresh', 300, 60), whenDown: 'allow' }],
      body: z.strictObject({ refreshToken: z.string().min(1).max(100) }),
      responses: { 200: signedInSchema },
      errors: ['unauthenticated', 'forbidden'],
      handle: async ({ body, request }) =>
        answer(200, await auth.refresh(body.refreshToken, deviceOf(request))),
    }),
    route({
      method: 'post',
      path: '/auth/logout',
      summary: 'End this session',
      tag: 'auth',
      scope: 'session',
      responses: { 204: null },
      handle: async ({ actor, request }) => {
        await auth.logout(actor, request.address)
        return NO_CONTENT
      },
    }),
  ]
}
