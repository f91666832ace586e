import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { ConversationId } from '../../domain/ids.ts'
import type { Created, NewConversation } from '../../service/conversation/ports.ts'
import { appendSystemMessage } from './system-message.ts'

const INSERT_CONVERSATION = `
  insert into conversations
    (id, kind, name, description, member_count, created_by, created_at, client_id, request_hash)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  on conflict (created_by, client_id) do nothing`

const INSERT_MEMBERS = `
  insert into conversation_members
    (conversation_id, user_id, role, joined_at, joined_seq, delivered_seq, read_seq, read_ordinal)
  select $1, u.id, case when $4 and u.id = $5 then 'owner' else 'member' end, $3, 0, 0, 0, 0
  from unnest($2::uuid[]) u(id)`

/** Runs inside the caller's transaction; an `existing` or refused outcome has written nothing. */
export async function createConversation(client: pg.ClientBase, given: NewConversation): Promise<Created> {
  const { rows } = await client.query(
    `select id from users where id = any ($1) and status = 'active' order by id for key share`,
    [given.memberIds],
  )
  if (rows.length < given.memberIds.length) return { outcome: 'no-such-user' }
  const existing =
    given.kind === 'direct' ? await claimPair(client, given) : await claimClientId(client, given)
  if (existing) return existing
  await client.query(INSERT_MEMBERS, [
    given.id,
    given.memberIds,
    new Date(given.nowMs),
    given.kind === 'group',
    given.createdBy,
  ])
  await client.query('insert into heads (conversation_id, epoch, stamp) values ($1, $2, $3)', [
    given.id,
    randomBytes(6).toString('base64url'),
    given.nowMs * 1000,
  ])
  if (given.kind === 'group') {
    await appendSystemMessage(client, {
      conversationId: given.id,
      memberVersion: 1,
      event: 'conversation_created',
      actorId: given.createdBy,
      userIds: given.memberIds,
    })
  }
  return { outcome: 'created', id: given.id }
}

async function insertConversation(client: pg.ClientBase, given: NewConversation): Promise<boolean> {
  const { rowCount } = await client.query(INSERT_CONVERSATION, [
    given.id,
    given.kind,
    given.name,
    given.description,
    given.memberIds.length,
    given.createdBy,
    new Date(given.nowMs),
    given.clientId,
    given.requestHash,
  ])
  return rowCount === 1
}

/** The pair's row waits for a rival that inserts it, so that both see the one that was first. */
async function claimPair(client: pg.ClientBase, given: NewConversation): Promise<Created | null> {
  const [low, high] = given.memberIds.toSorted()
  const find = () =>
    client.query<{ conversation_id: ConversationId }>(
      'select conversation_id from direct_pairs where low = $1 and high = $2',
      [low, high],
    )
  const before = await find()
  const [found] = before.rows
  if (found) return { outcome: 'existing', id: found.conversation_id }
  if (await isBlocked(client, given)) return { outcome: 'blocked' }
  await client.query('savepoint pair')
  await insertConversation(client, given)
  const { rowCount } = await client.query(
    'insert into direct_pairs (low, high, conversation_id) values ($1, $2, $3) on conflict (low, high) do nothing',
    [low, high, given.id],
  )
  if (rowCount === 1) return null
  await client.query('rollback to savepoint pair')
  const [first] = (await find()).rows
  if (!first) throw new Error('a direct pair vanished while it was being opened')
  return { outcome: 'existing', id: first.conversation_id }
}

/** By one of those who are to be members. */
async function isBlocked(client: pg.ClientBase, given: NewConversation): Promise<boolean> {
  const { rowCount } = await client.query(
    'select 1 from blocks where blocked_id = $1 and blocker_id = any ($2) limit 1',
    [given.createdBy, given.memberIds],
  )
  return rowCount === 1
}

/** What was made under the clientId stands, whoever has blocked the creator since. */
async function claimClientId(client: pg.ClientBase, given: NewConversation): Promise<Created | null> {
  if (await isBlocked(client, given)) return (await madeBefore(client, given)) ?? { outcome: 'blocked' }
  if (await insertConversation(client, given)) return null
  return (await madeBefore(client, given)) ?? { outcome: 'mismatch' }
}

async function madeBefore(client: pg.ClientBase, given: NewConversation): Promise<Created | null> {
  const { rows } = await client.query<{ id: ConversationId; request_hash: Buffer }>(
    'select id, request_hash from conversations where created_by = $1 and client_id = $2',
    [given.createdBy, given.clientId],
  )
  const [first] = rows
  if (!first) return null
  if (!given.requestHash?.equals(first.request_hash)) return { outcome: 'mismatch' }
  return { outcome: 'existing', id: first.id }
}
