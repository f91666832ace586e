import { z } from 'zod'
import type { ProfileChange } from '../../service/user/ports.ts'
import type { UserService } from '../../service/user/users.ts'
import {
  cursorParam,
  displayNameField,
  limitParam,
  pageOf,
  pictureUrl,
  userId,
  usernameField,
} from './fields.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'
import { ownUserSchema, userSchema } from './user-schema.ts'

const profileChange = z.strictObject({
  username: usernameField.optional(),
  displayName: displayNameField.optional(),
  avatarUrl: pictureUrl.nullable().optional(),
  hideLastSeen: z.boolean().optional(),
})

/** Profiles: one's own and others'. */
export function userRoutes(users: UserService): Route[] {
  return [
    route({
      method: 'get',
      path: '/users/me',
      summary: 'Yourself',
      tag: 'users',
      scope: 'profile',
      responses: { 200: ownUserSchema },
      handle: async ({ actor }) => answer(200, await users.me(actor)),
    }),
    route({
      method: 'patch',
      path: '/users/me',
      summary: 'Change your profile',
      tag: 'users',
      scope: 'profile',
      body: profileChange,
      responses: { 200: ownUserSchema },
      errors: ['conflict'],
      handle: async ({ actor, body }) => answer(200, await users.change(actor, given(body))),
    }),
    ...avatarRoutes(users),
    route({
      method: 'post',
      path: '/users/me/public-id/rotate',
      summary: 'Take a new public id; the old one finds you no more',
      tag: 'users',
      scope: 'profile',
      responses: { 200: ownUserSchema },
      errors: ['conflict'],
      handle: async ({ actor }) => answer(200, await users.rotatePublicId(actor)),
    }),
    route({
      method: 'get',
      path: '/users/:id',
      summary: 'A user',
      tag: 'users',
      scope: 'profile',
      params: z.strictObject({ id: userId }),
      responses: { 200: userSchema },
      errors: ['not_found'],
      handle: async ({ params }) => answer(200, await users.get(params.id)),
    }),
    route({
      method: 'get',
      path: '/users',
      summary: 'Find users by username, or by a whole email address, phone number or public id',
      tag: 'users',
      scope: 'profile',
      limits: [{ name: 'user-search', by: 'user', points: 120, seconds: 60, whenDown: 'allow' }],
      query: z.strictObject({
        query: z.string().min(1).max(254),
        limit: limitParam(20, 100),
        cursor: cursorParam.optional(),
      }),
      responses: { 200: pageOf(userSchema) },
      handle: async ({ query }) =>
        answer(200, await users.search(query.query, query.limit, query.cursor ?? null)),
    }),
  ]
}

function avatarRoutes(users: UserService): Route[] {
  return [
    route({
      method: 'put',
      path: '/users/me/avatar',
      summary: 'Show a picture that lies elsewhere (https)',
      tag: 'users',
      scope: 'profile',
      body: z.strictObject({ url: pictureUrl }),
      responses: { 200: ownUserSchema },
      handle: async ({ actor, body }) => answer(200, await users.change(actor, { avatarUrl: body.url })),
    }),
    route({
      method: 'delete',
      path: '/users/me/avatar',
      summary: 'Show no picture',
      tag: 'users',
      scope: 'profile',
      responses: { 204: null },
      handle: async ({ actor }) => {
        await users.change(actor, { avatarUrl: null })
        return NO_CONTENT
      },
    }),
  ]
}

/** Without the fields that were left out: absent and undefined are not the same to the service. */
function given({
  username,
  displayName,
  avatarUrl,
  hideLastSeen,
}: z.output<typeof profileChange>): ProfileChange {
  return {
    ...(username !== undefined && { username }),
    ...(displayName !== undefined && { displayName }),
    ...(avatarUrl !== undefined && { avatarUrl }),
    ...(hideLastSeen !== undefined && { hideLastSeen }),
  }
}
