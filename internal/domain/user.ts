import type { SessionId, UserId } from './ids.ts'

/** A user as others see them. Times are RFC 3339 UTC with milliseconds. */
export interface User {
  id: UserId
  username: string
  displayName: string
  avatarUrl: string | null
  publicId: string
  lastSeenAt: string | null
  createdAt: string
}

/** A user as they see themselves. */
export interface OwnUser extends User {
  email: string | null
  phone: string | null
  emailVerified: boolean
  phoneVerified: boolean
  totpEnabled: boolean
  role: 'user' | 'admin'
}

/** One signed-in device. */
export interface Session {
  id: SessionId
  deviceName: string
  address: string
  createdAt: string
  lastSeenAt: string
  current: boolean
}

/** Personal access tokens carry a subset; a session carries all of them (`admin` only for admins). */
export const SCOPES = [
  'messages:read',
  'messages:write',
  'conversations:read',
  'conversations:write',
  'profile',
  'admin',
] as const
export type Scope = (typeof SCOPES)[number]

/** Who is asking: made by the doors (REST, socket) from a verified token, given to every service method. */
export interface Actor {
  userId: UserId
  /** The sign-in, or the personal access token: whichever of them ends, ends what the actor opened. */
  sessionId: SessionId
  /** Set when a personal access token speaks for the user. */
  personalTokenId?: string
  scopes: ReadonlySet<Scope>
}
