import type { Generated } from 'kysely'
import type {
  ConversationKind,
  HistoryVisibility,
  Policy,
  Preferences,
  Role,
} from '../../domain/conversation.ts'
import type { ConversationId, Rev, Seq, SessionId, UserId } from '../../domain/ids.ts'
import type { NotifyLevel } from '../../domain/notification.ts'
import type { DeviceId, Platform } from '../../domain/push.ts'

/** Tables as statements built with kysely name them; tables.test.ts compares them with the migrated database. */
export interface Tables {
  cluster_era: ClusterEraTable
  conversation_members: ConversationMembersTable
  conversations: ConversationsTable
  developer_outbox: DeveloperOutboxTable
  direct_pairs: DirectPairsTable
  heads: HeadsTable
  push_tokens: PushTokensTable
  sessions: SessionsTable
  users: UsersTable
}

export interface ClusterEraTable {
  era: number
}

export interface ConversationMembersTable {
  conversation_id: ConversationId
  user_id: UserId
  role: Role
  joined_at: Generated<Date>
  joined_seq: Seq
  delivered_seq: Seq
  read_seq: Seq
  read_ordinal: number
  muted_until: Date | null
  notify: Generated<Preferences['notify']>
  pinned: Generated<boolean>
  archived: Generated<boolean>
  draft: string | null
  preferences_xid: number | null
}

export interface ConversationsTable {
  id: ConversationId
  kind: ConversationKind
  name: string | null
  description: string | null
  avatar_url: string | null
  post_policy: Generated<Policy>
  invite_policy: Generated<Policy>
  info_policy: Generated<Policy>
  history_visibility: Generated<HistoryVisibility>
  /** Seconds. */
  message_ttl: number | null
  member_count: number
  created_by: UserId
  created_at: Generated<Date>
}

export interface DeveloperOutboxTable {
  id: Generated<number>
  channel: 'push' | 'email' | 'sms'
  user_id: UserId
  recipient: string
  title: string
  body: string
  payload: object
  created_at: Date
}

export interface DirectPairsTable {
  low: UserId
  high: UserId
  conversation_id: ConversationId
}

export interface HeadsTable {
  conversation_id: ConversationId
  epoch: string
  seq: Generated<Seq>
  rev: Generated<Rev>
  ordinal: Generated<number>
  /** Microseconds since 1970. */
  stamp: Generated<number>
  member_version: Generated<number>
  /** JSON of the last message's sender, operation and payload, its content cut. */
  preview: string | null
  preview_seq: number | null
  preview_stamp: number | null
  preview_era: number | null
  preview_rev: Generated<Rev>
  preview_changed: number | null
}

export interface PushTokensTable {
  id: DeviceId
  user_id: UserId
  session_id: SessionId | null
  platform: Platform
  device_name: string | null
  token: string
  token_hash: Buffer
  created_at: Date
  updated_at: Date
  notify: Generated<NotifyLevel>
  previews: Generated<boolean>
}

/** As far as statements about devices ask for it. */
export interface SessionsTable {
  id: SessionId
  user_id: UserId
  ended_at: Date | null
}

/** As far as statements about members ask for it. */
export interface UsersTable {
  id: UserId
  display_name: string
  status: Generated<'active' | 'suspended' | 'deleted'>
}
