import type pg from 'pg'
import type { ConversationId, UserId } from '../../internal/domain/ids.ts'
import type { Actor } from '../../internal/domain/user.ts'
import { PostgresAccountCloser } from '../../internal/repository/postgres/account.ts'
import { PostgresAuditReader } from '../../internal/repository/postgres/audit-reader.ts'
import { PostgresNotificationSettings } from '../../internal/repository/postgres/notification-settings.ts'
import { PostgresPersonalTokens } from '../../internal/repository/postgres/personal-token.ts'
import { PostgresPushTokens } from '../../internal/repository/postgres/push-tokens.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import type { AuthoredMessages } from '../../internal/service/account/authored.ts'
import {
  AccountExport,
  documentSection,
  type ExportFile,
  type ExportSection,
  listSection,
  listText,
  pages,
  withoutOthers,
} from '../../internal/service/account/export.ts'
import type { Memberships, ScheduledText } from '../../internal/service/account/ports.ts'
import type { AuditEntry } from '../../internal/service/audit/ports.ts'
import type { Conversations } from '../../internal/service/conversation/conversations.ts'
import type { Identity } from './identity.ts'

const PAGE = 100

export interface ExportOptions {
  pool: pg.Pool
  identity: Identity
  conversations: Conversations
  authored: AuthoredMessages
  now(): number
}

/** What an export holds, a section per feature. */
export function composeExport(options: ExportOptions): AccountExport {
  const { pool, identity, conversations } = options
  const { users, sessions, blocks, audit } = identity
  const sql = new Sql(pool)
  const tokens = new PostgresPersonalTokens(sql)
  const settings = new PostgresNotificationSettings(sql)
  const devices = new PostgresPushTokens(pool)
  const sections = [
    documentSection('profile', (actor) => users.me(actor)),
    documentSection('sessions', (actor) => sessions.list(actor)),
    documentSection('personal-tokens', ({ userId }) => tokens.list(userId, new Date(options.now()))),
    documentSection('notification-settings', ({ userId }) => settings.find(userId)),
    documentSection('devices', ({ userId }) => devices.list(userId)),
    listSection('blocks', (actor) => pages((cursor) => blocks.list(actor, PAGE, cursor as UserId | null))),
    listSection('conversations', (actor) => pages((cursor) => conversations.list(actor, PAGE, cursor))),
    messageSection(options, sql),
    listSection('scheduled', ({ userId }) => scheduledOf(new PostgresAccountCloser(sql), userId)),
    listSection('audit', (actor) => auditOf(new PostgresAuditReader(sql), actor)),
  ]
  return new AccountExport({ sections, audit })
}

/** A file for each conversation, of those left as well, with what the user wrote there. */
function messageSection({ authored }: ExportOptions, sql: Sql): ExportSection {
  const memberships = new PostgresAccountCloser(sql)
  return {
    async *files({ userId }): AsyncIterable<ExportFile> {
      let after: ConversationId | null = null
      for (;;) {
        const ids: ConversationId[] = await memberships.everOf(userId, after, PAGE)
        for (const id of ids) {
          yield { name: `messages/${id}.json`, text: listText(() => authored.messages(id, userId)) }
        }
        after = ids.at(-1) ?? null
        if (ids.length < PAGE) return
      }
    },
  }
}

async function* scheduledOf(memberships: Memberships, userId: UserId): AsyncIterable<ScheduledText> {
  let after: string | null = null
  for (;;) {
    const texts: ScheduledText[] = await memberships.scheduledBy(userId, after, PAGE)
    yield* texts
    after = texts.at(-1)?.id ?? null
    if (texts.length < PAGE) return
  }
}

/** What they did, then what was done to them, each the newest first. */
async function* auditOf(reader: PostgresAuditReader, { userId }: Actor): AsyncIterable<AuditEntry> {
  const nobody = { actorId: null, target: null, action: null, outcome: null, from: null, to: null }
  yield* auditPages(reader, { ...nobody, actorId: userId })
  for await (const entry of auditPages(reader, { ...nobody, target: userId })) {
    if (entry.actorId !== userId) yield withoutOthers(entry, userId)
  }
}

async function* auditPages(
  reader: PostgresAuditReader,
  query: Omit<Parameters<PostgresAuditReader['list']>[0], 'before' | 'limit'>,
): AsyncIterable<AuditEntry> {
  let before: number | null = null
  for (;;) {
    const entries: AuditEntry[] = await reader.list({ ...query, before, limit: PAGE })
    yield* entries
    const last = entries.at(-1)
    if (!last || entries.length < PAGE) return
    before = last.id
  }
}
