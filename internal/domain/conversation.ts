import type { ConversationId, Rev, Seq, UserId } from './ids.ts'
import type { Message } from './message.ts'
import type { User } from './user.ts'

export type ConversationKind = 'direct' | 'group'
export type Role = 'owner' | 'admin' | 'moderator' | 'member'
export type Policy = 'everyone' | 'admins'
export type HistoryVisibility = 'joined' | 'all'

export const GROUP_MEMBERS_MAX = 10_000
/** A year: what is to stay longer may as well stay. */
export const MESSAGE_TTL_MAX_S = 365 * 24 * 60 * 60
/** Invites of a conversation that still let somebody in. */
export const LIVE_INVITES_MAX = 100

export interface Preferences {
  mutedUntil: string | null
  notify: 'all' | 'mentions' | 'none'
  pinned: boolean
  archived: boolean
  draft: string | null
}

/** A conversation as one of its members sees it: the same in lists, inbox and join replies. */
export interface Conversation {
  id: ConversationId
  kind: ConversationKind
  name: string | null
  description: string | null
  avatarUrl: string | null
  memberCount: number
  /** The other one; direct conversations only. */
  peer: User | null
  postPolicy: Policy
  invitePolicy: Policy
  infoPolicy: Policy
  historyVisibility: HistoryVisibility
  /** Seconds a message lives; null for ever. */
  messageTtl: number | null
  createdBy: UserId
  createdAt: string
  seq: Seq
  rev: Rev
  epoch: string
  lastMessage: Message | null
  role: Role
  joinedSeq: Seq
  deliveredSeq: Seq
  readSeq: Seq
  unread: number
  mentions: number
  preferences: Preferences
}

/** What members may change of a conversation, as far as their role goes. */
export type ConversationSettings = Pick<
  Conversation,
  | 'name'
  | 'description'
  | 'avatarUrl'
  | 'postPolicy'
  | 'invitePolicy'
  | 'infoPolicy'
  | 'historyVisibility'
  | 'messageTtl'
>

/** Whoever knows the code may join while it lasts. */
export interface Invite {
  code: string
  url: string
  /** Null for never. */
  expiresAt: string | null
  /** Null for any number. */
  maxUses: number | null
  uses: number
}

export interface Member {
  user: User
  role: Role
  joinedAt: string
  deliveredSeq: Seq
  readSeq: Seq
}
