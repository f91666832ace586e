import type pg from 'pg'
import { type ConversationId, laneOf, type Seq, type UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { AppendItem, AppendOutcome, MessageLog, SeqRange, Window } from '../../service/message/ports.ts'
import { entryOf, LOG_ROW_COLUMNS, type LogRow } from './log-entry.ts'
import { query } from './query.ts'

const APPEND = { name: 'append', text: 'select * from append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)' }

// One statement, so that head, cursor and tail are of one snapshot: what the tail lacks, the archive has.
const WINDOW = {
  name: 'window',
  text: `
    select h.seq head_seq, h.rev head_rev, h.epoch || '.' || e.era epoch, h.member_version, m.role,
      r.first_visible, r.lo, r.hi, ${LOG_ROW_COLUMNS}
    from conversation_members m
    join conversations c on c.id = m.conversation_id
    join heads h on h.conversation_id = m.conversation_id
    cross join cluster_era e
    join lanes k on k.follower = 'archive' and k.lane = $3
    cross join lateral (
      select case c.history_visibility when 'all' then 1 else m.joined_seq + 1 end first_visible) v
    cross join lateral (
      select case $4::text
        when 'after' then greatest($5::bigint + 1, v.first_visible)
        when 'around' then least(greatest($5, v.first_visible), h.seq) - $6::bigint / 2
        else least($5 - 1, h.seq) - $6 + 1 end lowest) a
    cross join lateral (
      select v.first_visible, greatest(a.lowest, v.first_visible) lo, least(a.lowest + $6 - 1, h.seq) hi) r
    left join lateral (
      select * from log x
      where x.conversation_id = m.conversation_id and x.seq between r.lo and r.hi and x.kind = 1
        and (x.xid, x.position) > (k.xid, k.position)
        and x.day between k.day - 1 and (now() at time zone 'UTC')::date + 1) l on true
    where m.conversation_id = $1 and m.user_id = $2
    order by l.seq`,
}

const ENTRIES = {
  name: 'entries',
  text: `
    select ${LOG_ROW_COLUMNS} from log l
    where l.conversation_id = $1 and l.seq between $2 and $3 and l.kind = 1 order by l.seq limit 200`,
}

const HEADS = {
  name: 'heads',
  text: 'select conversation_id, seq from heads where conversation_id = any ($1)',
}

interface AppendRow {
  item: number
  outcome: AppendOutcome['status']
  seq: number
  ordinal: number
  stamp: number
  era: number
}

interface WindowRow extends LogRow {
  head_seq: number
  head_rev: number
  epoch: string
  member_version: number
  role: Window['role']
  first_visible: number
  lo: number
  hi: number
}

/** MessageLog on PostgreSQL; the function `append` of migration 0010 does the work. */
export class PostgresMessageLog implements MessageLog {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async append(items: readonly AppendItem[], { wait }: { wait: boolean }): Promise<AppendOutcome[]> {
    const rows = await query<AppendRow>(this.#pool, APPEND, [...appendColumns(items), wait])
    const outcomes: AppendOutcome[] = []
    for (const { item, outcome, seq, ordinal, stamp, era } of rows) {
      outcomes[item - 1] =
        outcome === 'ok' || outcome === 'duplicate' || outcome === 'mismatch'
          ? { status: outcome, seq, ordinal, stamp, era }
          : { status: outcome }
    }
    return outcomes
  }

  async window(conversationId: ConversationId, viewerId: UserId, range: SeqRange): Promise<Window | null> {
    const rows = await query<WindowRow>(this.#pool, WINDOW, [
      conversationId,
      viewerId,
      laneOf(conversationId),
      range.anchor,
      range.seq,
      range.limit,
    ])
    const [first] = rows
    if (!first) return null
    return {
      seq: first.head_seq,
      rev: first.head_rev,
      epoch: first.epoch,
      memberVersion: first.member_version,
      role: first.role,
      firstVisible: first.first_visible,
      from: first.lo,
      to: first.hi,
      tail: first.seq === null ? [] : rows.map(entryOf),
    }
  }

  async heads(conversationIds: readonly ConversationId[]): Promise<Map<ConversationId, Seq>> {
    const rows = await query<{ conversation_id: ConversationId; seq: number }>(this.#pool, HEADS, [
      conversationIds,
    ])
    return new Map(rows.map((row) => [row.conversation_id, row.seq]))
  }

  async entries(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    const rows = await query<LogRow>(this.#pool, ENTRIES, [conversationId, from, to])
    return rows.map(entryOf)
  }
}

/** The parameters of `append` but the last, one array per column. */
export function appendColumns(items: readonly AppendItem[]): unknown[] {
  const conversationIds = [...new Set(items.map((item) => item.conversationId))]
  const places = new Map(conversationIds.map((id, index) => [id, index + 1]))
  return [
    conversationIds,
    items.map((item) => places.get(item.conversationId)),
    items.map((item) => item.senderId),
    items.map((item) => item.operationId),
    items.map((item) => item.bodyHash),
    items.map((item) => item.memberVersion),
    items.map((item) => item.counts),
    items.map((item) => item.payload),
    items.map((item) => item.preview),
  ]
}
