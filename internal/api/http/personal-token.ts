import { z } from 'zod'
import { SCOPES } from '../../domain/user.ts'
import type { PersonalTokens } from '../../service/token/personal-tokens.ts'
import type { PersonalToken } from '../../service/token/ports.ts'
import { pageOf, time, uuid } from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'

const EXPIRES_MAX_S = 10 * 365 * 86_400

const shape = {
  id: uuid,
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: time,
  lastUsedAt: time.nullable(),
  expiresAt: time.nullable(),
}
const tokenSchema = z.object(shape).meta({ id: 'PersonalToken' })
const newTokenSchema = z.object({ ...shape, token: z.string() }).meta({ id: 'NewPersonalToken' })

/** Personal access tokens. */
export function personalTokenRoutes(tokens: PersonalTokens): Route[] {
  return [
    route({
      method: 'get',
      path: '/auth/tokens',
      summary: 'Your personal access tokens',
      tag: 'auth',
      scope: 'session',
      responses: { 200: pageOf(tokenSchema) },
      handle: async ({ actor }) =>
        answer(200, { items: (await tokens.list(actor)).map(present), nextCursor: null }),
    }),
    route({
      method: 'post',
      path: '/auth/tokens',
      summary: 'Make a personal access token; it is shown this once',
      tag: 'auth',
      scope: 'session',
      body: z.strictObject({
        name: z.string().trim().min(1).max(100),
        scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
        expiresIn: z.int().min(60).max(EXPIRES_MAX_S).nullable().default(null),
      }),
      responses: { 201: newTokenSchema },
      errors: ['conflict'],
      handle: async ({ actor, body, request }) => {
        const created = await tokens.create(actor, body, request.address)
        return answer(201, { ...present(created), token: created.token })
      },
    }),
    route({
      method: 'delete',
      path: '/auth/tokens/:id',
      summary: 'Revoke a personal access token',
      tag: 'auth',
      scope: 'session',
      params: z.strictObject({ id: uuid }),
      responses: { 204: null },
      errors: ['not_found'],
      handle: async ({ actor, params, request }) => {
        await tokens.revoke(actor, params.id, request.address)
        return NO_CONTENT
      },
    }),
  ]
}

function present({ id, name, scopes, createdAt, lastUsedAt, expiresAt }: PersonalToken) {
  return {
    id,
    name,
    scopes,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
  }
}
