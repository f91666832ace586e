import type pg from 'pg'
import type { TraceRecord, TraceWriter } from '../../notifier/ports.ts'
import { binaryArray } from './binary-array.ts'
import { query } from './query.ts'

const DAY_MS = 86_400_000

const RECORD = {
  name: 'notification_trace',
  text: `
    insert into notification_traces
      (day, event_id, pass, first_user, kind, conversation_id, seq, users, decisions, at)
    select i.day, i.event_id, i.pass, i.first_user, i.kind, i.conversation_id, i.seq,
      i.users::uuid[], i.decisions::jsonb, i.at
    from unnest($1::date[], $2::text[], $3::integer[], $4::uuid[], $5::text[], $6::uuid[], $7::bigint[],
      $8::text[], $9::text[], $10::timestamptz[])
      i (day, event_id, pass, first_user, kind, conversation_id, seq, users, decisions, at)`,
}

const PRUNE = {
  name: 'notification_trace_prune',
  text: `
    delete from notification_traces where ctid = any (array(
      select ctid from notification_traces where day < $1::date order by day limit $2 for update skip locked))
    returning 1`,
}

export class PostgresTraceWriter implements TraceWriter {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async record(records: readonly TraceRecord[]): Promise<void> {
    // The same event can come twice in one batch.
    const distinct = [...new Map(records.map((record) => [keyOf(record), record])).values()]
    if (distinct.length === 0) return
    await query(this.#pool, RECORD, [
      distinct.map(({ day }) => day),
      binaryArray.text(distinct.map(({ eventId }) => eventId)),
      binaryArray.int4(distinct.map(({ pass }) => pass)),
      binaryArray.uuid(distinct.map(({ users }) => users[0]?.userId ?? null)),
      binaryArray.text(distinct.map(({ kind }) => kind)),
      binaryArray.uuid(distinct.map(({ conversationId }) => conversationId)),
      binaryArray.int8(distinct.map(({ seq }) => seq)),
      binaryArray.text(distinct.map(({ users }) => `{${users.map(({ userId }) => userId).join()}}`)),
      binaryArray.text(distinct.map(decisionsOf)),
      distinct.map(({ atMs }) => new Date(atMs)),
    ])
  }

  async prune(beforeMs: number, limit: number): Promise<number> {
    const day = new Date(Math.floor(beforeMs / DAY_MS) * DAY_MS).toISOString().slice(0, 10)
    return (await query(this.#pool, PRUNE, [day, limit])).length
  }
}

function keyOf({ eventId, pass, users }: TraceRecord): string {
  return `${eventId} ${pass} ${users[0]?.userId}`
}

function decisionsOf({ users }: TraceRecord): string {
  const entries = users.map(({ userId, entries: own }) => {
    return [userId, own.map(({ channel, device, outcome, reason }) => [channel, device, outcome, reason])]
  })
  return JSON.stringify(Object.fromEntries(entries))
}
