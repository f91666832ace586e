import type pg from 'pg'
import type { ChangeEntry } from '../../domain/change.ts'
import { notFound } from '../../domain/errors.ts'
import { type ConversationId, laneOf, type Rev, type Seq, type UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { HiddenMessage } from '../../domain/message.ts'
import type {
  AppendItem,
  AppendOutcome,
  ChangeItem,
  ChangeOutcome,
  Head,
  MessageLog,
  Overlays,
  RepliesRange,
  SeqRange,
  Standpoint,
  Window,
} from '../../service/message/ports.ts'
import { type AppendAllRow, AppendBatch } from './append-batch.ts'
import { Gathering } from './gathering.ts'
import { type ChangeRow, changeOf, codeOfKind, entryOf, type LogRow, stateOf } from './log-entry.ts'
import {
  APPEND,
  APPEND_ALL,
  CHANGE,
  CHANGES,
  EDITS,
  ENTRIES,
  FORGET_PINS,
  HEADS,
  HIDDEN,
  HIDDEN_SINCE,
  HIDE,
  OVERLAYS,
  PINS,
  REACTIONS_BY,
  REACTIONS_TO,
  REPLIES_AFTER,
  REPLIES_BEFORE,
  STANDPOINT_OF,
  WINDOWS,
} from './log-statements.ts'
import { query } from './query.ts'

/** Pinned messages per conversation. */
const PINS_MAX = 100

interface AppendRow {
  item: number
  outcome: AppendOutcome['status']
  seq: number
  rev: number
  ordinal: number
  stamp: number
  era: number
}

interface ChangeResultRow {
  outcome: ChangeOutcome['status']
  rev: number
  head_seq: number
  stamp: number
  era: number
}

interface StandpointRow {
  head_seq: number
  head_rev: number
  epoch: string
  member_version: number
  role: Window['role']
  first_visible: number
}

interface OverlayRow {
  states: ChangeRow[] | null
  replies: [Seq, number][] | null
}

interface WindowAsked {
  conversationId: ConversationId
  viewerId: UserId
  range: SeqRange
}

interface WindowRow extends StandpointRow, OverlayRow {
  /** Which of those asked for, from 1. */
  n: number
  lo: number
  hi: number
  tail: LogRow[] | null
  hidden: Seq[] | null
  hidden_since: Seq[] | null
}

/** MessageLog on PostgreSQL; the functions `append` and `change_message` of migration 0013 do the work. */
export class PostgresMessageLog implements MessageLog {
  readonly #pool: pg.Pool
  readonly #windows: Gathering<WindowAsked, Window | null>

  constructor(pool: pg.Pool) {
    this.#pool = pool
    this.#windows = new Gathering((asked) => this.#readWindows(asked))
  }

  async append(items: readonly AppendItem[], { wait }: { wait: boolean }): Promise<AppendOutcome[]> {
    const batch = wait ? null : AppendBatch.of(items)
    const [all] = batch ? await query<AppendAllRow>(this.#pool, APPEND_ALL, batch.values()) : []
    if (batch && all) return batch.outcomes(all)
    return appendOutcomes(await query<AppendRow>(this.#pool, APPEND, [...appendColumns(items), wait]))
  }

  async change(item: ChangeItem): Promise<ChangeOutcome> {
    const [row] = await query<ChangeResultRow>(this.#pool, CHANGE, [
      item.conversationId,
      item.senderId,
      item.operationId,
      item.bodyHash,
      item.memberVersion,
      codeOfKind(item.kind),
      item.targetSeq,
      item.baseRev,
      item.payload,
      item.preview,
      item.blank,
      item.mentions,
      item.authorId,
      item.pinned,
      PINS_MAX,
    ])
    if (!row) throw new Error('change_message answered nothing')
    const { outcome: status, rev, head_seq: headSeq, stamp, era } = row
    if (status === 'ok' || status === 'duplicate' || status === 'mismatch') {
      return { status, rev, headSeq, stamp, era }
    }
    return { status }
  }

  window(conversationId: ConversationId, viewerId: UserId, range: SeqRange): Promise<Window | null> {
    return this.#windows.ask({ conversationId, viewerId, range })
  }

  async standpoint(conversationId: ConversationId, viewerId: UserId): Promise<Standpoint | null> {
    const [row] = await query<StandpointRow>(this.#pool, STANDPOINT_OF, [conversationId, viewerId])
    return row ? standpointOf(row) : null
  }

  async heads(conversationIds: readonly ConversationId[]): Promise<Map<ConversationId, Head>> {
    interface Row extends Omit<Head, 'memberVersion'> {
      conversation_id: ConversationId
      member_version: number
    }
    const rows = await query<Row>(this.#pool, HEADS, [conversationIds])
    return new Map(
      rows.map(({ conversation_id: id, seq, rev, member_version: memberVersion }) => {
        return [id, { seq, rev, memberVersion }]
      }),
    )
  }

  async entries(conversationId: ConversationId, seqs: readonly Seq[]): Promise<LogEntry[]> {
    return (await query<LogRow>(this.#pool, ENTRIES, [conversationId, seqs])).map(entryOf)
  }

  async overlays(conversationId: ConversationId, seqs: readonly Seq[]): Promise<Overlays> {
    const lane = laneOf(conversationId)
    const [row] = await query<OverlayRow>(this.#pool, OVERLAYS, [conversationId, seqs, lane])
    return overlaysOf(row ?? { states: null, replies: null })
  }

  async changes(conversationId: ConversationId, from: Rev, to: Rev): Promise<ChangeEntry[]> {
    return (await query<ChangeRow>(this.#pool, CHANGES, [conversationId, from, to])).map(changeOf)
  }

  async edits(conversationId: ConversationId, seq: Seq): Promise<ChangeEntry[]> {
    return (await query<ChangeRow>(this.#pool, EDITS, [conversationId, seq])).map(changeOf).reverse()
  }

  reactionsTo(
    conversationId: ConversationId,
    seq: Seq,
    emoji: string,
  ): Promise<{ userId: UserId; added: boolean }[]> {
    return query(this.#pool, REACTIONS_TO, [conversationId, seq, emoji])
  }

  reactionsBy(
    conversationId: ConversationId,
    userId: UserId,
    seqs: readonly Seq[],
  ): Promise<{ seq: Seq; emoji: string; added: boolean }[]> {
    return query(this.#pool, REACTIONS_BY, [conversationId, userId, seqs])
  }

  async replies(conversationId: ConversationId, range: RepliesRange): Promise<Seq[]> {
    const { rootSeq, anchor, seq, limit } = range
    const statement = anchor === 'after' ? REPLIES_AFTER : REPLIES_BEFORE
    const rows = await query<{ seq: Seq }>(this.#pool, statement, [conversationId, rootSeq, seq, limit])
    return rows.map((row) => row.seq).sort((a, b) => a - b)
  }

  async hidden(conversationId: ConversationId, viewerId: UserId, seqs: readonly Seq[]): Promise<Set<Seq>> {
    const rows = await query<{ seq: Seq }>(this.#pool, HIDDEN, [conversationId, viewerId, seqs])
    return new Set(rows.map((row) => row.seq))
  }

  async hide(hidden: Omit<HiddenMessage, 'rev' | 'at'>): Promise<HiddenMessage> {
    const { conversationId, userId, seq, messageId } = hidden
    const values = [conversationId, userId, seq, messageId]
    const [row] = await query<{ rev: Rev; at: Date }>(this.#pool, HIDE, values)
    if (!row) throw notFound('conversation')
    return { ...hidden, rev: row.rev, at: row.at.toISOString() }
  }

  async hiddenSince(userIds: readonly UserId[], since: Date): Promise<HiddenMessage[]> {
    type Row = Omit<HiddenMessage, 'at'> & { at: Date }
    const rows = await query<Row>(this.#pool, HIDDEN_SINCE, [userIds, since])
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
  }

  async pins(conversationId: ConversationId): Promise<Seq[]> {
    const rows = await query<{ seq: Seq }>(this.#pool, PINS, [conversationId])
    return rows.map((row) => row.seq)
  }

  async forgetPins(conversationId: ConversationId, seqs: readonly Seq[]): Promise<void> {
    await query(this.#pool, FORGET_PINS, [conversationId, seqs])
  }

  async #readWindows(asked: readonly WindowAsked[]): Promise<(Window | null)[]> {
    const rows = await query<WindowRow>(this.#pool, WINDOWS, [
      asked.map(({ conversationId }) => conversationId),
      asked.map(({ viewerId }) => viewerId),
      asked.map(({ conversationId }) => laneOf(conversationId)),
      asked.map(({ range }) => range.anchor),
      asked.map(({ range }) => range.seq),
      asked.map(({ range }) => range.limit),
      asked.map(({ range }) => range.hiddenSince ?? null),
    ])
    const windows: (Window | null)[] = asked.map(() => null)
    for (const row of rows) windows[row.n - 1] = windowOf(row)
    return windows
  }
}

function windowOf(row: WindowRow): Window {
  return {
    ...standpointOf(row),
    ...overlaysOf(row),
    from: row.lo,
    to: row.hi,
    tail: (row.tail ?? []).map(entryOf),
    hidden: new Set(row.hidden),
    hiddenSince: row.hidden_since ?? [],
  }
}

/** Appends within the caller's transaction, waiting for the conversations' locks. */
export async function appendWithin(
  client: pg.ClientBase,
  items: readonly AppendItem[],
): Promise<AppendOutcome[]> {
  const { rows } = await client.query<AppendRow>({ ...APPEND, values: [...appendColumns(items), true] })
  return appendOutcomes(rows)
}

function appendOutcomes(rows: readonly AppendRow[]): AppendOutcome[] {
  const outcomes: AppendOutcome[] = []
  for (const { item, outcome, ...place } of rows) {
    outcomes[item - 1] =
      outcome === 'ok' || outcome === 'duplicate' || outcome === 'mismatch'
        ? { status: outcome, ...place }
        : { status: outcome }
  }
  return outcomes
}

/** The parameters of `append` but the last, one array per column. */
function appendColumns(items: readonly AppendItem[]): unknown[] {
  const conversationIds = [...new Set(items.map((item) => item.conversationId))]
  const places = new Map(conversationIds.map((id, index) => [id, index + 1]))
  const mentions = items.flatMap((item, index) => item.mentions.map((userId) => ({ n: index + 1, userId })))
  return [
    conversationIds,
    items.map((item) => places.get(item.conversationId)),
    items.map((item) => item.senderId),
    items.map((item) => item.operationId),
    items.map((item) => item.bodyHash),
    items.map((item) => item.memberVersion),
    items.map((item) => item.counts),
    items.map((item) => item.reads),
    items.map((item) => item.rootSeq),
    items.map((item) => item.payload),
    items.map((item) => item.preview),
    mentions.map(({ n }) => n),
    mentions.map(({ userId }) => userId),
  ]
}

function standpointOf(row: StandpointRow): Standpoint {
  return {
    seq: row.head_seq,
    rev: row.head_rev,
    epoch: row.epoch,
    memberVersion: row.member_version,
    role: row.role,
    firstVisible: row.first_visible,
  }
}

function overlaysOf({ states, replies }: OverlayRow): Overlays {
  return {
    states: new Map((states ?? []).map((row) => [row.target_seq, stateOf(row)])),
    replies: new Map(replies),
  }
}
