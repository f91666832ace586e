import type pg from 'pg'
import { type ConversationId, type SessionId, type UserId, uuidv7 } from '../domain/ids.ts'
import { randomConversationId, randomUserId } from './events.ts'

let counter = 0

/** A user's row; the names carry the label. */
export async function insertUser(pool: pg.Pool, label: string): Promise<UserId> {
  const id = randomUserId()
  const suffix = `${Date.now().toString(36)}${(counter++).toString(36)}`
  await pool.query(
    `insert into users (id, username, display_name, public_id, created_at) values ($1, $2, $3, $4, now())`,
    [id, `${label.toLowerCase()}-${suffix}`, label, suffix.padStart(12, '0').slice(-12)],
  )
  return id
}

export async function insertSession(pool: pg.Pool, userId: UserId): Promise<SessionId> {
  const id = uuidv7<SessionId>()
  await pool.query(
    `insert into sessions (id, user_id, device_name, address, created_at, last_seen_at, expires_at)
     values ($1, $2, 'test', '127.0.0.1', now(), now(), now() + interval '1 day')`,
    [id, userId],
  )
  return id
}

/** A conversation at seq 0 with these members, the first of whom made it. */
export async function insertConversation(
  pool: pg.Pool,
  kind: 'direct' | 'group',
  members: readonly UserId[],
  name: string | null = null,
): Promise<ConversationId> {
  const id = randomConversationId()
  await pool.query(
    'insert into conversations (id, kind, name, member_count, created_by) values ($1, $2, $3, $4, $5)',
    [id, kind, name, members.length, members[0]],
  )
  await pool.query(`insert into heads (conversation_id, epoch) values ($1, '1')`, [id])
  await pool.query(
    `insert into conversation_members
       (conversation_id, user_id, role, joined_seq, delivered_seq, read_seq, read_ordinal)
     select $1, unnest($2::uuid[]), 'member', 0, 0, 0, 0`,
    [id, members],
  )
  return id
}
