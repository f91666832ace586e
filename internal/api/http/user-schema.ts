import { z } from 'zod'
import { time, uuid } from './fields.ts'

const userShape = {
  id: uuid,
  username: z.string(),
  displayName: z.string(),
  avatarUrl: z.string().nullable(),
  publicId: z.string(),
  lastSeenAt: time.nullable(),
  createdAt: time,
}

/** A user as others see them. */
export const userSchema = z.object(userShape).meta({ id: 'User' })

/** A user as they see themselves. */
export const ownUserSchema = z
  .object({
    ...userShape,
    email: z.string().nullable(),
    phone: z.string().nullable(),
    emailVerified: z.boolean(),
    phoneVerified: z.boolean(),
    totpEnabled: z.boolean(),
    role: z.enum(['user', 'admin']),
  })
  .meta({ id: 'OwnUser' })

export const sessionSchema = z
  .object({
    id: uuid,
    deviceName: z.string(),
    address: z.string(),
    createdAt: time,
    lastSeenAt: time,
    current: z.boolean(),
  })
  .meta({ id: 'Session' })

export const signedInSchema = z
  .object({
    user: ownUserSchema,
    session: sessionSchema,
    accessToken: z.string(),
    accessTokenExpiresAt: time,
    refreshToken: z.string(),
  })
  .meta({ id: 'SignedIn' })
