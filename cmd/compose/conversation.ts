import type pg from 'pg'
import { inviteRoutes } from '../../internal/api/http/conversation-invites.ts'
import { memberRoutes } from '../../internal/api/http/conversation-members.ts'
import { preferenceRoutes } from '../../internal/api/http/conversation-preferences.ts'
import { conversationRoutes, settingsRoutes } from '../../internal/api/http/conversations.ts'
import type { Route } from '../../internal/api/http/route.ts'
import { type ConversationId, uuidv7 } from '../../internal/domain/ids.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import { PostgresConversations } from '../../internal/repository/postgres/conversation.ts'
import { PostgresConversationChanges } from '../../internal/repository/postgres/conversation-change.ts'
import { PostgresPreferences } from '../../internal/repository/postgres/conversation-preferences.ts'
import { PostgresInvites } from '../../internal/repository/postgres/invite.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import type { AuditTrail } from '../../internal/service/audit/ports.ts'
import { ConversationChanger } from '../../internal/service/conversation/change.ts'
import { Conversations } from '../../internal/service/conversation/conversations.ts'
import { Invites } from '../../internal/service/conversation/invites.ts'
import { Members } from '../../internal/service/conversation/members.ts'
import type { UserDirectory } from '../../internal/service/conversation/ports.ts'
import { ConversationPreferences } from '../../internal/service/conversation/preferences.ts'
import { Settings } from '../../internal/service/conversation/settings.ts'
import type { LiveEvents } from '../../internal/service/live/ports.ts'
import type { RelayWaker } from '../../internal/service/message/ports.ts'

export interface ConversationOptions {
  /** The log's: what happens to members is said in the log. */
  pool: pg.Pool
  users: UserDirectory
  live: LiveEvents
  relay: RelayWaker
  audit: AuditTrail
  clock: Clock
  publicUrl: string
}

export interface ConversationServices {
  conversations: Conversations
  changer: ConversationChanger
  members: Members
  settings: Settings
  invites: Invites
  preferences: ConversationPreferences
  routes: Route[]
}

/** Conversations, who is in them and how they come in: what the API, standalone and the tests all run. */
export function composeConversations(options: ConversationOptions): ConversationServices {
  const { pool, users, live, relay, audit, clock, publicUrl } = options
  const repository = new PostgresConversations(pool)
  const sql = new Sql(pool)
  const shared = { users, live, relay, now: clock.now }
  const changer = new ConversationChanger({ ...shared, changes: new PostgresConversationChanges(pool) })
  const conversations = new Conversations({
    ...shared,
    repository,
    newId: () => uuidv7<ConversationId>(clock.now()),
  })
  const members = new Members({ changer, repository, users, audit })
  const settings = new Settings({ changer, conversations, audit })
  const invites = new Invites({
    repository: new PostgresInvites(sql),
    changer,
    conversations,
    publicUrl,
    now: clock.now,
  })
  const preferences = new ConversationPreferences({
    repository: new PostgresPreferences(sql),
    conversations,
    live,
  })
  return {
    conversations,
    changer,
    members,
    settings,
    invites,
    preferences,
    routes: [
      ...conversationRoutes(conversations),
      ...settingsRoutes(settings),
      ...memberRoutes(conversations, members),
      ...inviteRoutes(invites),
      ...preferenceRoutes(preferences),
    ],
  }
}
