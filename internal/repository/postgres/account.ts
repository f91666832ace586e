import { DELETED_DISPLAY_NAME } from '../../domain/identity.ts'
import type { ConversationId, SessionId, UserId } from '../../domain/ids.ts'
import type {
  AccountCloser,
  Closed,
  Memberships,
  ScheduledText,
  Successors,
  Tombstone,
} from '../../service/account/ports.ts'
import type { Queryable, Sql } from './sql.ts'

const LOCK = `select 1 from users where id = $1 and status = 'active' for update`

const BURY = `
  update users set status = 'deleted', role = 'user', username = $2, public_id = $3, display_name = $4,
    avatar_url = null, last_seen_at = null, hide_last_seen = true, suspended_at = null, deleted_at = $5
  where id = $1`

// What they were called and where they were goes, that they were there stays: other nodes ask for it.
const END_SESSIONS = `
  with live as (
    update sessions set ended_at = $2, end_reason = 'deleted'
    where user_id = $1 and ended_at is null returning id)
  select id from live`
const FORGET_DEVICES = `update sessions set device_name = 'Deleted', address = '' where user_id = $1`
const REVOKE_TOKENS = `
  update personal_tokens set revoked_at = $2 where user_id = $1 and revoked_at is null returning id`

/** Rows that are the user's alone, each by \`$1\`. */
const FORGET = [
  `update personal_tokens set name = 'Deleted' where user_id = $1`,
  'delete from refresh_tokens where session_id in (select id from sessions where user_id = $1)',
  `delete from one_time_codes where user_id = $1
     or (kind, value_key) in (select kind, value_key from identities where user_id = $1)`,
  'delete from identities where user_id = $1',
  'delete from recovery_codes where user_id = $1',
  'delete from credentials where user_id = $1',
  'delete from blocks where blocker_id = $1 or blocked_id = $1',
  'delete from push_tokens where user_id = $1',
  'delete from notification_settings where user_id = $1',
  'delete from notification_claims where user_id = $1',
  'delete from notifications_shown where user_id = $1',
  'delete from email_digests where user_id = $1',
  'delete from email_recipients where user_id = $1',
  'delete from thread_followers where user_id = $1',
  'delete from hidden_messages where user_id = $1',
  'delete from scheduled_messages where sender_id = $1',
  'delete from scheduled_messages where sender_id = $1',
  'delete from developer_outbox where user_id = $1',
]

const BEGIN_ERASURES = `
  with begun as (
    insert into erasures (user_id, conversation_id, requested_at)
    select $1::uuid, conversation_id, $2::timestamptz from conversation_members where user_id = $1
    union select $1::uuid, conversation_id, $2::timestamptz from past_memberships where user_id = $1
    on conflict do nothing returning 1)
  select count(*) from begun`

const SUCCESSOR = `
  select m.user_id id from conversation_members m join users u on u.id = m.user_id
  where m.conversation_id = $1 and m.user_id <> $2 and u.status <> 'deleted'
  order by u.status <> 'active', array_position(array['owner', 'admin', 'moderator', 'member'], m.role),
    m.joined_at, m.user_id
  limit 1`

const EVER = `
  (select conversation_id id from conversation_members
   where user_id = $1 and ($2::uuid is null or conversation_id > $2) order by 1 limit $3)
  union
  (select conversation_id from past_memberships
   where user_id = $1 and ($2::uuid is null or conversation_id > $2) order by 1 limit $3)
  order by 1 limit $3`

type ScheduledRow = Omit<ScheduledText, 'sendAt'> & { sendAt: Date }

const SCHEDULED = `
  select id, conversation_id "conversationId", content, send_at "sendAt" from scheduled_messages
  where sender_id = $1 and status in ('pending', 'sending', 'failed') and ($2::uuid is null or id > $2)
  order by id limit $3`

/** AccountCloser, Memberships and Successors on PostgreSQL. */
export class PostgresAccountCloser implements AccountCloser, Memberships, Successors {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  close(userId: UserId, tombstone: Tombstone, at: Date): Promise<Closed | null> {
    return this.#sql.transaction((sql) => closeIn(sql, userId, tombstone, at))
  }

  async everOf(userId: UserId, after: ConversationId | null, limit: number): Promise<ConversationId[]> {
    const rows = await this.#sql.query<{ id: ConversationId }>(EVER, [userId, after, limit])
    return rows.map((row) => row.id)
  }

  async scheduledBy(userId: UserId, after: string | null, limit: number): Promise<ScheduledText[]> {
    const rows = await this.#sql.query<ScheduledRow>(SCHEDULED, [userId, after, limit])
    return rows.map(({ sendAt, ...row }) => ({ ...row, sendAt: sendAt.toISOString() }))
  }

  async successorOf(conversationId: ConversationId, ownerId: UserId): Promise<UserId | null> {
    const [row] = await this.#sql.query<{ id: UserId }>(SUCCESSOR, [conversationId, ownerId])
    return row?.id ?? null
  }
}

async function closeIn(
  sql: Queryable,
  userId: UserId,
  { username, publicId }: Tombstone,
  at: Date,
): Promise<Closed | null> {
  // Whoever opens a conversation with them holds this row's key: so it is there below, or sees the tombstone.
  if ((await sql.query(LOCK, [userId])).length === 0) return null
  await sql.query(BURY, [userId, username, publicId, DELETED_DISPLAY_NAME, at])
  const sessions = await sql.query<{ id: SessionId }>(END_SESSIONS, [userId, at])
  const tokens = await sql.query<{ id: SessionId }>(REVOKE_TOKENS, [userId, at])
  await sql.query(FORGET_DEVICES, [userId])
  for (const statement of FORGET) await sql.query(statement, [userId])
  const [begun] = await sql.query<{ count: number }>(BEGIN_ERASURES, [userId, at])
  return { ended: [...sessions, ...tokens].map(({ id }) => id), conversations: begun?.count ?? 0 }
}
