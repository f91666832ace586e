import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { NotificationSettings } from '../../domain/notification.ts'
import type { LiveStates, OwnChanged, ReceiptMoved, StoreMark } from '../../service/live/ports.ts'
import { TRACKED_MEMBERS_MAX } from '../../service/receipt/ports.ts'
import { MESSAGE_KIND } from './log-entry.ts'
import { SETTINGS_COLUMNS, type SettingsRow, settingsOf } from './notification-settings.ts'
import { query } from './query.ts'

// All transactions below it have ended, and so has whatever they wrote been there to read.
const MARK = {
  name: 'live-mark',
  text: 'select pg_snapshot_xmin(pg_current_snapshot())::text::bigint mark',
}

/**
 * Whether a row was written by a transaction from $2 on, by its xmin, of which a row has the lower half. Nothing is
 * written for it, and no index: pointers move with every send. Rows of two thousand million transactions ago may be
 * among those it finds.
 */
const changed = (row: string) =>
  `(${row}.xmin::text::bigint - $2::bigint % 4294967296 + 4294967296) % 4294967296 < 2147483648`

/** Whether the member has read or has what others said, rather than come or said something last. */
const MOVED = `
  (m.delivered_seq > m.joined_seq and not exists (
    select 1 from log l
    where m.read_seq = m.delivered_seq and l.conversation_id = m.conversation_id and l.seq = m.delivered_seq and l.kind = ${MESSAGE_KIND}
      and l.sender_id = m.user_id and l.day <= (now() at time zone 'UTC')::date + 1))`

const RECEIPTS = {
  name: 'live-receipts',
  text: `
    select m.conversation_id "conversationId", m.user_id "userId", m.delivered_seq "deliveredSeq",
      m.read_seq "readSeq", now() at, h.member_version "memberVersion"
    from conversations c join conversation_members m on m.conversation_id = c.id
    join heads h on h.conversation_id = c.id
    where c.id = any($1::uuid[]) and c.member_count <= $3 and ${changed('m')} and ${MOVED}`,
}

const OWN = {
  name: 'live-own',
  text: `
    select m.conversation_id "conversationId", m.user_id "userId", m.read_seq "readSeq", ${MOVED} "hasNewPlace",
      coalesce(m.preferences_xid >= $2, false) "hasNewPreferences"
    from conversation_members m where m.user_id = any($1::uuid[]) and ${changed('m')}`,
}

const BLOCKED = {
  name: 'live-blocked',
  text: `
    select distinct b.blocked_id "userId" from blocks b
    where b.blocked_id = any($1::uuid[]) and ${changed('b')}`,
}

const SETTINGS = {
  name: 'live-settings',
  text: `
    select n.user_id, ${SETTINGS_COLUMNS}
    from notification_settings n where n.user_id = any($1::uuid[]) and ${changed('n')}`,
}

/** LiveStates on PostgreSQL; on the log's pool, whose plans go by index. */
export class PostgresLiveStates implements LiveStates {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async mark(): Promise<StoreMark> {
    const [row] = await query<{ mark: StoreMark }>(this.#pool, MARK, [])
    return row?.mark ?? 0
  }

  async receiptsSince(ids: readonly ConversationId[], mark: StoreMark): Promise<ReceiptMoved[]> {
    type Row = Omit<ReceiptMoved, 'at'> & { at: Date }
    const rows = await query<Row>(this.#pool, RECEIPTS, [ids, mark, TRACKED_MEMBERS_MAX])
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
  }

  ownSince(userIds: readonly UserId[], mark: StoreMark): Promise<OwnChanged[]> {
    return query<OwnChanged & pg.QueryResultRow>(this.#pool, OWN, [userIds, mark])
  }

  async blockedSince(userIds: readonly UserId[], mark: StoreMark): Promise<UserId[]> {
    const rows = await query<{ userId: UserId }>(this.#pool, BLOCKED, [userIds, mark])
    return rows.map(({ userId }) => userId)
  }

  async settingsSince(
    userIds: readonly UserId[],
    mark: StoreMark,
  ): Promise<{ userId: UserId; settings: NotificationSettings }[]> {
    type Row = SettingsRow & { user_id: UserId }
    const rows = await query<Row>(this.#pool, SETTINGS, [userIds, mark])
    return rows.map((row) => ({ userId: row.user_id, settings: settingsOf(row) }))
  }
}
