import { afterAll, beforeEach } from '@jest/globals'
import type pg from 'pg'
import type { Role } from '../domain/conversation.ts'
import { type ConversationId, newOperationId, type SessionId, type UserId, uuidv7 } from '../domain/ids.ts'
import { type Actor, SCOPES } from '../domain/user.ts'
import { PostgresConversations } from '../repository/postgres/conversation.ts'
import { createLogPool } from '../repository/postgres/log-pool.ts'
import { PostgresMemberNames } from '../repository/postgres/member-names.ts'
import { PostgresMessageArchive } from '../repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../repository/postgres/message-log.ts'
import type { LiveEvents } from '../service/live/ports.ts'
import { AccessCache } from '../service/message/access-cache.ts'
import { Appender } from '../service/message/appender.ts'
import { History } from '../service/message/history.ts'
import { Messages } from '../service/message/messages.ts'
import { createGroup } from './fixtures.ts'
import { testPostgres } from './services.ts'

type Told = { [Event in keyof LiveEvents]: [event: Event, ...args: Parameters<LiveEvents[Event]>] }
type Memberships = Parameters<LiveEvents['membersChanged']>[0]
type Said = Parameters<LiveEvents['messageCreated']>

/** What live delivery was told, in order. */
export class LiveRecord implements LiveEvents {
  readonly told: Told[keyof Told][] = []

  readonly messageCreated = (...args: Parameters<LiveEvents['messageCreated']>) =>
    void this.told.push(['messageCreated', ...args])
  readonly messageChanged = (...args: Parameters<LiveEvents['messageChanged']>) =>
    void this.told.push(['messageChanged', ...args])
  readonly messageHidden = (...args: Parameters<LiveEvents['messageHidden']>) =>
    void this.told.push(['messageHidden', ...args])
  readonly conversationCreated = (...args: Parameters<LiveEvents['conversationCreated']>) =>
    void this.told.push(['conversationCreated', ...args])
  readonly membersChanged = (...args: Parameters<LiveEvents['membersChanged']>) =>
    void this.told.push(['membersChanged', ...args])
  readonly conversationUpdated = (...args: Parameters<LiveEvents['conversationUpdated']>) =>
    void this.told.push(['conversationUpdated', ...args])
  readonly conversationDeleted = (...args: Parameters<LiveEvents['conversationDeleted']>) =>
    void this.told.push(['conversationDeleted', ...args])
  readonly preferencesChanged = (...args: Parameters<LiveEvents['preferencesChanged']>) =>
    void this.told.push(['preferencesChanged', ...args])
  readonly receiptMoved = (...args: Parameters<LiveEvents['receiptMoved']>) =>
    void this.told.push(['receiptMoved', ...args])
  readonly blocksChanged = (...args: Parameters<LiveEvents['blocksChanged']>) =>
    void this.told.push(['blocksChanged', ...args])
  readonly settingsUpdated = (...args: Parameters<LiveEvents['settingsUpdated']>) =>
    void this.told.push(['settingsUpdated', ...args])

  /** Names of what was told, in order. */
  get events(): string[] {
    return this.told.map(([event]) => event)
  }

  /** The last change of members that was told. */
  get members(): Memberships {
    const last = this.told.findLast((one) => one[0] === 'membersChanged')
    if (last?.[0] !== 'membersChanged') throw new Error('no change of members was told')
    return last[1]
  }

  /** The last message that was told: itself, and the member version it came with. */
  get message(): { message: Said[0]; memberVersion: Said[1] } {
    const last = this.told.findLast((one) => one[0] === 'messageCreated')
    if (last?.[0] !== 'messageCreated') throw new Error('no message was told')
    return { message: last[1], memberVersion: last[2] }
  }

  clear(): void {
    this.told.length = 0
  }
}

/** One database with the log's connections, sending over it, and what live delivery is told. */
export interface ConversationStores {
  pool: pg.Pool
  live: LiveRecord
  messages: Messages
  store: PostgresConversations
}

/** Stores of this test file's own, their record empty before each test. To be awaited at the top of the file. */
export async function conversationStores(): Promise<ConversationStores> {
  const pool = createLogPool((await testPostgres()).url, 'test', 12)
  const live = new LiveRecord()
  const store = new PostgresConversations(pool)
  const log = new PostgresMessageLog(pool)
  const messages = new Messages({
    access: new AccessCache(store),
    appender: new Appender(log),
    history: new History(log, new PostgresMessageArchive(pool)),
    names: new PostgresMemberNames(pool),
    live,
    relay: { wake: () => {} },
    newOperationId,
  })
  beforeEach(() => live.clear())
  afterAll(() => pool.end())
  return { pool, live, messages, store }
}

export function actorOf(userId: UserId): Actor {
  return { userId, sessionId: uuidv7<SessionId>(), scopes: new Set(SCOPES) }
}

/** A group with one member of each of the roles; the first has to be the owner. */
export async function groupOf<const Roles extends readonly Role[]>(
  pool: pg.Pool,
  roles: Roles,
): Promise<{ id: ConversationId; actors: { [Place in keyof Roles]: Actor } }> {
  const { id, memberIds } = await createGroup(pool, roles.length)
  await pool.query(
    `update conversation_members m set role = x.role from unnest($2::uuid[], $3::text[]) x(id, role)
     where m.conversation_id = $1 and m.user_id = x.id`,
    [id, memberIds, roles],
  )
  // Mapped types lose to `map` that it keeps the length.
  return { id, actors: memberIds.map(actorOf) as { [Place in keyof Roles]: Actor } }
}
