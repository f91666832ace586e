import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { type ConversationId, newOperationId, type UserId, uuidv7 } from '../domain/ids.ts'
import { bodyWith, payloadOf, previewOf } from '../domain/log-entry.ts'
import { PostgresConversations } from '../repository/postgres/conversation.ts'
import { createPool } from '../repository/postgres/database.ts'
import type { AppendItem } from '../service/message/ports.ts'

/** Users that exist and cannot sign in. */
export async function createUsers(pool: pg.Pool, count: number): Promise<UserId[]> {
  const ids = Array.from({ length: count }, () => uuidv7<UserId>())
  await pool.query(
    `insert into users (id, username, display_name, public_id, created_at)
     select u.id, 'user' || u.tag, 'User', u.tag, now()
     from unnest($1::uuid[], $2::text[]) u(id, tag)`,
    [ids, ids.map(() => randomBytes(6).toString('hex'))],
  )
  return ids
}

/** A group of new users, or of those given, the first of them its owner. */
export async function createGroup(
  pool: pg.Pool,
  members: number | UserId[] = 2,
): Promise<{ id: ConversationId; memberIds: UserId[] }> {
  const memberIds = typeof members === 'number' ? await createUsers(pool, members) : members
  const [createdBy] = memberIds
  if (!createdBy) throw new RangeError('a group has at least one member')
  const id = uuidv7<ConversationId>()
  const created = await new PostgresConversations(pool).create({
    id,
    kind: 'group',
    name: 'Group',
    description: null,
    createdBy,
    memberIds,
    clientId: null,
    requestHash: null,
    nowMs: Date.now(),
  })
  if (created.outcome !== 'created') throw new Error(`group not created: ${created.outcome}`)
  return { id, memberIds }
}

/** A text message ready for the log; every call is another message unless `operationId` says so. */
export function appendItem(
  conversationId: ConversationId,
  senderId: UserId,
  content: string,
  given: Partial<AppendItem> = {},
): AppendItem {
  const operationId = given.operationId ?? newOperationId()
  const payload = payloadOf(bodyWith({ clientId: operationId, content }))
  return {
    conversationId,
    senderId,
    operationId,
    bodyHash: Buffer.from(content.padEnd(16, '.').slice(0, 16)),
    memberVersion: 1,
    counts: true,
    reads: true,
    rootSeq: null,
    mentions: [],
    payload,
    preview: previewOf({ senderId, operationId, payload }),
    ...given,
  }
}

/** A pool on the test's database, ended by the caller. */
export function testPool(url: string): pg.Pool {
  return createPool({ url, max: 10, applicationName: 'test' })
}
