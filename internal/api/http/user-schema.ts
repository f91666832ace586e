import { z } from 'zod'
import { time, userId } from './fields.ts'

export const userSchema = z
  .object({
    id: userId,
    username: z.string(),
    displayName: z.string(),
    avatarUrl: z.string().nullable(),
    publicId: z.string(),
    lastSeenAt: time.nullable(),
    createdAt: time,
  })
  .meta({ id: 'User' })
