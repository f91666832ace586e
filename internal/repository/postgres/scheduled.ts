import type { ClientId, ConversationId, MessageId, UserId } from '../../domain/ids.ts'
import type { Mentions } from '../../domain/message.ts'
import type { Scheduled, ScheduledStatus } from '../../domain/scheduled.ts'
import type {
  DueMessage,
  Known,
  NewScheduled,
  ScheduledCursor,
  ScheduledQueue,
  ScheduledRepository,
} from '../../service/scheduled/ports.ts'
import type { Queryable, Sql } from './sql.ts'

interface InputRow {
  id: ClientId
  conversation_id: ConversationId
  client_id: ClientId | null
  content: string
  reply_to: MessageId | null
  thread_root_id: MessageId | null
  mentions: Mentions | null
}

interface ScheduledRow extends InputRow {
  send_at: Date
  created_at: Date
  status: ScheduledStatus
  reason: string | null
}

interface DueRow extends InputRow {
  sender_id: UserId
  attempts: number
  attempted_at: Date
}

const INPUT = 's.id, s.conversation_id, s.client_id, s.content, s.reply_to, s.thread_root_id, s.mentions'
const SHOWN = `${INPUT}, s.send_at, s.created_at, s.status, s.reason`

const BY_CLIENT = `
  select ${SHOWN}, s.request_hash = $4 same from scheduled_messages s
  where s.conversation_id = $1 and s.sender_id = $2 and s.client_id = $3`

// Of two requests of one user at once the second counts the first one's.
const LOCK = `select pg_advisory_xact_lock(hashtextextended('scheduled ' || $1::text || $2::text, 0))`

const COUNT_WAITING = `
  select count(*) waiting from scheduled_messages
  where sender_id = $1 and conversation_id = $2 and status in ('pending', 'sending')`

const INSERT = `
  insert into scheduled_messages as s (id, conversation_id, sender_id, client_id, request_hash, content, reply_to,
    thread_root_id, mentions, send_at, due_at, created_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)
  returning ${SHOWN}`

const LIST = `
  select ${SHOWN} from scheduled_messages s
  where s.sender_id = $1 and s.conversation_id = $2 and s.status in ('pending', 'sending', 'failed')
    and (s.send_at, s.id) > ($3, $4)
  order by s.send_at, s.id limit $5`

const START: ScheduledCursor = { sendAt: '-infinity', id: '00000000-0000-0000-0000-000000000000' as ClientId }

const CANCEL = `
  update scheduled_messages set status = 'cancelled', content = '', mentions = null, reason = null, due_at = null,
    settled_at = now()
  where conversation_id = $1 and sender_id = $2 and id = $3 and status in ('pending', 'failed')
  returning id`

const STATUS = `
  select status from scheduled_messages where conversation_id = $1 and sender_id = $2 and id = $3`

const CLAIM = `
  update scheduled_messages s set status = 'sending', attempts = s.attempts + 1,
    attempted_at = coalesce(s.attempted_at, now()), due_at = now() + $2 * interval '1 ms'
  from (
    select id from scheduled_messages where due_at <= now()
    order by due_at, id limit $1 for update skip locked) d
  where s.id = d.id
  returning ${INPUT}, s.sender_id, s.attempts, s.attempted_at, s.send_at`

const SENT = `
  update scheduled_messages set status = 'sent', content = '', mentions = null, due_at = null, settled_at = now()
  where id = $1 and status = 'sending'`

// A worker that died may have sent it before the sender lost the right to.
const REFUSE = `
  update scheduled_messages s set due_at = null, settled_at = now(),
    status = case when x.is_sent then 'sent' else 'failed' end,
    reason = case when x.is_sent then null else $3 end,
    content = case when x.is_sent then '' else s.content end
  from (
    select exists (
      select 1 from log l join scheduled_messages o on o.id = $1
      where l.conversation_id = o.conversation_id and l.sender_id = o.sender_id and l.operation_id = o.id) is_sent) x
  where s.id = $1 and s.status = 'sending' and s.attempts = $2`

const POSTPONE = `
  update scheduled_messages set due_at = now() + least(0.5 * 2 ^ least(attempts, 7), 60) * interval '1 s',
    status = case when $3 then 'sending' else 'pending' end,
    attempted_at = case when $3 then attempted_at end
  where id = $1 and status = 'sending' and attempts = $2`

const FORGET = `
  with gone as (
    delete from scheduled_messages where id in (
      select id from scheduled_messages where settled_at < $1 order by settled_at limit $2)
    returning 1)
  select count(*) from gone`

/** ScheduledRepository and ScheduledQueue on PostgreSQL. */
export class PostgresScheduled implements ScheduledRepository, ScheduledQueue {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  byClientId(
    { conversationId, senderId }: { conversationId: ConversationId; senderId: UserId },
    clientId: ClientId,
    requestHash: Buffer,
  ): Promise<Known | null> {
    return known(this.#sql, [conversationId, senderId, clientId, requestHash])
  }

  create(one: NewScheduled, waitingMax: number): Promise<{ created: Scheduled } | Known | 'full'> {
    const { conversationId, senderId, requestHash, input } = one
    const { clientId } = input
    return this.#sql.transaction(async (sql) => {
      await sql.query(LOCK, [conversationId, senderId])
      const earlier = clientId && (await known(sql, [conversationId, senderId, clientId, requestHash]))
      if (earlier) return earlier
      const [counted] = await sql.query<{ waiting: number }>(COUNT_WAITING, [senderId, conversationId])
      if (counted && counted.waiting >= waitingMax) return 'full'
      const [row] = await sql.query<ScheduledRow>(INSERT, [
        one.id,
        conversationId,
        senderId,
        clientId,
        requestHash,
        input.content,
        input.replyTo,
        input.threadRootId,
        input.mentions && JSON.stringify(input.mentions),
        one.sendAt,
        one.createdAt,
      ])
      if (!row) throw new Error('inserted without a row')
      return { created: scheduledOf(row) }
    })
  }

  async list(
    conversationId: ConversationId,
    senderId: UserId,
    limit: number,
    after: ScheduledCursor | null,
  ): Promise<Scheduled[]> {
    const { sendAt, id } = after ?? START
    const values = [senderId, conversationId, sendAt, id, limit]
    return (await this.#sql.query<ScheduledRow>(LIST, values)).map(scheduledOf)
  }

  async cancel(conversationId: ConversationId, senderId: UserId, id: ClientId) {
    const place = [conversationId, senderId, id]
    if ((await this.#sql.query(CANCEL, place)).length > 0) return 'cancelled'
    const [found] = await this.#sql.query<{ status: ScheduledStatus }>(STATUS, place)
    if (!found) return 'none'
    return found.status === 'cancelled' ? 'cancelled' : 'late'
  }

  async claim(limit: number, leaseMs: number): Promise<DueMessage[]> {
    const rows = await this.#sql.query<DueRow & { send_at: Date }>(CLAIM, [limit, leaseMs])
    return rows
      .sort((a, b) => a.send_at.getTime() - b.send_at.getTime() || (a.id < b.id ? -1 : 1))
      .map((row) => ({
        id: row.id,
        conversationId: row.conversation_id,
        senderId: row.sender_id,
        input: {
          clientId: row.client_id,
          type: 'text',
          content: row.content,
          replyTo: row.reply_to,
          threadRootId: row.thread_root_id,
          mentions: row.mentions,
        },
        attempt: row.attempts,
        attemptedAt: row.attempted_at.getTime(),
      }))
  }

  async sent({ id }: DueMessage): Promise<void> {
    await this.#sql.query(SENT, [id])
  }

  async refuse({ id, attempt }: DueMessage, reason: string): Promise<void> {
    await this.#sql.query(REFUSE, [id, attempt, reason])
  }

  async postpone({ id, attempt }: DueMessage, isStored: 'no' | 'unknown'): Promise<void> {
    await this.#sql.query(POSTPONE, [id, attempt, isStored === 'unknown'])
  }

  async forget(endedBefore: Date, limit: number): Promise<number> {
    const [gone] = await this.#sql.query<{ count: number }>(FORGET, [endedBefore, limit])
    return gone?.count ?? 0
  }
}

async function known(sql: Queryable, values: readonly unknown[]): Promise<Known | null> {
  const [row] = await sql.query<ScheduledRow & { same: boolean }>(BY_CLIENT, values)
  if (!row) return null
  return row.same ? scheduledOf(row) : 'mismatch'
}

function scheduledOf(row: ScheduledRow): Scheduled {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    clientId: row.client_id,
    type: 'text',
    content: row.content,
    replyTo: row.reply_to,
    threadRootId: row.thread_root_id,
    mentions: row.mentions ?? { userIds: [], all: false },
    sendAt: row.send_at.toISOString(),
    createdAt: row.created_at.toISOString(),
    status: row.status,
    reason: row.reason,
  }
}
