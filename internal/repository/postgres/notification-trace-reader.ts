import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { DeviceId } from '../../domain/push.ts'
import type {
  AttemptRow,
  DecisionRow,
  DeviceRow,
  RecipientOutcome,
  TraceQuery,
  TraceReader,
  TraceRow,
} from '../../service/notification/ports.ts'
import type { Sql } from './sql.ts'

type Entry = [DecisionRow['channel'], DeviceId | null, DecisionRow['outcome'], string]

// Of a pass that was done again, the latest.
const PASSES = `
  select distinct on (pass, event_id) day::text, event_id as "eventId", pass, at, decisions -> $3 as entries
  from notification_traces
  where conversation_id = $1 and seq = $2 and kind = 'message' and decisions ? $3
  order by pass, event_id, at desc`

const ATTEMPTS = `
  select c.event_id as "eventId", c.user_id as "userId", c.device_id as device, c.state, c.attempt, c.reason,
    coalesce(c.settled_at, c.claimed_at) as at
  from unnest($1::date[], $2::text[]) i (day, event_id)
  join notification_claims c on c.day = i.day and c.event_id = i.event_id
  where $3::uuid is null or c.user_id = $3
  order by c.event_id, c.device_id
  limit 1000`

const DEVICES = `
  select id, platform, device_name as "deviceName" from push_tokens where user_id = $1 order by updated_at desc`

const RECIPIENTS = `
  with events as (
    select day, event_id, users from notification_traces
    where conversation_id = $1 and seq = $2 and kind = 'message'
  ), told as (
    select distinct e.day, e.event_id, u.user_id from events e, unnest(e.users) u (user_id)
  )
  select t.user_id as "userId", case when bool_or(c.state = 'sent') then 'sent'
    when bool_or(c.state in ('claimed', 'retry')) then 'pending' else 'none' end as outcome
  from told t
  left join notification_claims c on c.day = t.day and c.event_id = t.event_id and c.user_id = t.user_id
  group by t.user_id order by t.user_id`

const COLUMNS = `
  select day::text, event_id as "eventId", pass, kind, conversation_id as "conversationId", seq, at, decisions
  from notification_traces t`
// Of a message's pass that was done again, the latest.
const LATEST = `
  not exists (select from notification_traces later
    where later.conversation_id = t.conversation_id and later.seq = t.seq and later.event_id = t.event_id
      and later.pass = t.pass and later.first_user = t.first_user and (later.at, later.ctid) > (t.at, t.ctid))`
const OLDER = `($3::timestamptz is null or (at, event_id, pass) < ($3, $4, $5))`
const ORDER = 'order by at desc, event_id desc, pass desc limit $6'

const OF_USER = `
  ${COLUMNS} where users @> array[$1::uuid] and ($2::text is null) and ${OLDER} and ${LATEST} ${ORDER}`
const OF_MESSAGE = `
  ${COLUMNS} where conversation_id = $1 and seq = $2 and ${OLDER} and ${LATEST} ${ORDER}`

interface PassRow {
  day: string
  eventId: string
  pass: number
  at: Date
}

interface FoundRow extends PassRow {
  kind: string
  conversationId: ConversationId | null
  seq: Seq | null
  decisions: Record<UserId, Entry[]>
}

type Attempt = Omit<AttemptRow, 'at'> & { eventId: string; userId: UserId; at: Date }

export class PostgresTraceReader implements TraceReader {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async ofRecipient(
    { conversationId, seq }: { conversationId: ConversationId; seq: Seq },
    userId: UserId,
  ): ReturnType<TraceReader['ofRecipient']> {
    const [passes, devices] = await Promise.all([
      this.#sql.query<PassRow & { entries: Entry[] }>(PASSES, [conversationId, seq, userId]),
      this.#sql.query<DeviceRow>(DEVICES, [userId]),
    ])
    const decisions = passes.flatMap(({ pass, at, entries }) =>
      entries.map((entry) => ({ pass, at: at.toISOString(), ...decisionOf(entry) })),
    )
    const attempts = await this.#attempts(passes, userId)
    return { decisions, attempts: attempts.map(attemptOf), devices }
  }

  recipients({
    conversationId,
    seq,
  }: {
    conversationId: ConversationId
    seq: Seq
  }): Promise<{ userId: UserId; outcome: RecipientOutcome }[]> {
    return this.#sql.query(RECIPIENTS, [conversationId, seq])
  }

  async list({ userId, message, before, limit }: TraceQuery): Promise<TraceRow[]> {
    const place = [before?.at ?? null, before?.eventId ?? null, before?.pass ?? null, limit]
    const rows = message
      ? await this.#sql.query<FoundRow>(OF_MESSAGE, [message.conversationId, message.seq, ...place])
      : await this.#sql.query<FoundRow>(OF_USER, [userId, null, ...place])
    const attempts = Map.groupBy(await this.#attempts(rows, userId), ({ eventId }) => eventId)
    return rows.map((row) => traceOf(row, userId, attempts.get(row.eventId) ?? []))
  }

  async #attempts(events: readonly PassRow[], userId: UserId | null): Promise<Attempt[]> {
    const distinct = [...new Map(events.map((event) => [event.eventId, event])).values()]
    if (distinct.length === 0) return []
    const days = distinct.map(({ day }) => day)
    return this.#sql.query<Attempt>(ATTEMPTS, [days, distinct.map(({ eventId }) => eventId), userId])
  }
}

function decisionOf([channel, device, outcome, reason]: Entry) {
  return { channel, device, outcome, reason }
}

function attemptOf({ device, state, attempt, reason, at }: Attempt): AttemptRow {
  return { device, state, attempt, reason, at: at.toISOString() }
}

function traceOf(row: FoundRow, userId: UserId | null, attempts: readonly Attempt[]): TraceRow {
  const { at, eventId, kind, pass, conversationId, seq } = row
  const decisions = Object.entries(row.decisions).flatMap(([user, entries]) => {
    // Keys of the object are the users it was written for.
    const id = user as UserId
    return userId === null || id === userId
      ? entries.map((entry) => ({ userId: id, ...decisionOf(entry) }))
      : []
  })
  const tried = attempts.map((attempt) => ({ userId: attempt.userId, ...attemptOf(attempt) }))
  return { at: at.toISOString(), eventId, kind, pass, conversationId, seq, decisions, attempts: tried }
}
