import type pg from 'pg'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import {
  type PointerMove,
  type PointerOutcome,
  type PointerSample,
  type PointerSampler,
  type PointerStore,
  type RecipientReader,
  type Recipients,
  TRACKED_MEMBERS_MAX,
} from '../../service/receipt/ports.ts'
import { MESSAGE_KIND } from './log-entry.ts'
import { query } from './query.ts'

// The end's (seq, ordinal) come from one version of the head, another place's from its row in the log; heads are
// not locked, as members never are before them. Members are locked in order of their key, as every writer of
// several does, and what they hold then is what the move is measured against: a send may have moved it meanwhile.
const MOVE = {
  name: 'pointers-move',
  text: `
    with asked as materialized (
      select x.n, x.conversation_id, x.user_id, h.seq head_seq, h.first_seq, h.member_version, c.member_count,
        least(x.read_seq, h.seq) read_seq,
        least(greatest(x.delivered_seq, x.read_seq), h.seq) delivered_seq,
        case when x.read_seq >= h.seq then h.ordinal else coalesce(x.ordinal, (
          select l.ordinal from log l
          where l.conversation_id = x.conversation_id and l.seq = x.read_seq and l.kind = ${MESSAGE_KIND}
            and l.day <= (now() at time zone 'UTC')::date + 1 limit 1)) end ordinal
      from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[]) with ordinality
        x(conversation_id, user_id, delivered_seq, read_seq, ordinal, n)
      join heads h on h.conversation_id = x.conversation_id
      join conversations c on c.id = x.conversation_id
    ), locked as materialized (
      select a.*, m.delivered_seq was_delivered, m.read_seq was_read, m.read_ordinal was_ordinal
      from asked a
      join conversation_members m on m.conversation_id = a.conversation_id and m.user_id = a.user_id
      order by m.conversation_id, m.user_id for update of m
    ), placed as (
      select k.*, k.read_seq > k.was_read and k.ordinal is null is_unplaced,
        greatest(k.read_seq, k.was_read) now_read,
        case when k.read_seq > k.was_read then k.ordinal else k.was_ordinal end now_ordinal,
        greatest(k.was_delivered, k.read_seq,
          case when k.member_count <= $6 then k.delivered_seq end) now_delivered
      from locked k
    ), moved as (
      update conversation_members m
      set delivered_seq = p.now_delivered, read_seq = p.now_read, read_ordinal = p.now_ordinal
      from placed p
      where m.conversation_id = p.conversation_id and m.user_id = p.user_id and not p.is_unplaced
        and (p.now_read > p.was_read or p.now_delivered > p.was_delivered)
    )
    select p.*, floor(extract(epoch from clock_timestamp()) * 1000000)::bigint at from placed p`,
}

interface MovedRow {
  n: number
  head_seq: Seq
  first_seq: Seq
  member_count: number
  member_version: number
  was_delivered: Seq
  was_read: Seq
  now_delivered: Seq
  now_read: Seq
  is_unplaced: boolean
  at: number
}

// Who joined after a message never had it to read, wherever their pointers began.
const RECIPIENTS = {
  name: 'receipt-recipients',
  text: `
    select c.member_count, count(m.user_id) recipients,
      count(m.user_id) filter (where m.read_seq >= $2) read_count,
      count(m.user_id) filter (where m.delivered_seq >= $2) delivered_count,
      case when c.member_count <= $4 then json_agg(json_build_object(
          'userId', m.user_id, 'deliveredSeq', m.delivered_seq, 'readSeq', m.read_seq)
        order by m.joined_at, m.user_id) filter (where m.user_id is not null) end members
    from conversations c
    left join conversation_members m on m.conversation_id = c.id and m.user_id <> $3 and m.joined_seq < $2
    where c.id = $1
    group by c.member_count`,
}

interface RecipientsRow {
  member_count: number
  recipients: number
  read_count: number
  delivered_count: number
  members: NonNullable<Recipients['members']> | null
}

const SAMPLE = {
  name: 'pointers-sample',
  text: `
    select m.conversation_id "conversationId", m.user_id "userId", m.delivered_seq "deliveredSeq",
      m.read_seq "readSeq", m.read_ordinal "readOrdinal", h.seq "headSeq", h.ordinal "headOrdinal"
    from conversation_members m tablesample bernoulli ($1)
    join heads h on h.conversation_id = m.conversation_id`,
}

const MEMBERSHIPS = { name: 'pointers-count', text: 'select count(*) from conversation_members' }

/** Pointers of members on PostgreSQL; on the log's pool, whose plans reach rows of the log by index. */
export class PostgresReceipts implements PointerStore, RecipientReader, PointerSampler {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async move(moves: readonly PointerMove[]): Promise<PointerOutcome[]> {
    const rows = await query<MovedRow>(this.#pool, MOVE, [
      moves.map((move) => move.conversationId),
      moves.map((move) => move.userId),
      moves.map((move) => move.deliveredSeq),
      moves.map((move) => move.readSeq),
      moves.map((move) => move.ordinal),
      TRACKED_MEMBERS_MAX,
    ])
    const outcomes: PointerOutcome[] = moves.map(() => ({ status: 'gone' }))
    for (const row of rows) outcomes[row.n - 1] = outcomeOf(row)
    return outcomes
  }

  async recipients(conversationId: ConversationId, seq: Seq, senderId: UserId): Promise<Recipients> {
    const values = [conversationId, seq, senderId, TRACKED_MEMBERS_MAX]
    const [row] = await query<RecipientsRow>(this.#pool, RECIPIENTS, values)
    const isTracked = (row?.member_count ?? 0) <= TRACKED_MEMBERS_MAX
    return {
      count: row?.recipients ?? 0,
      readCount: row?.read_count ?? 0,
      deliveredCount: isTracked ? (row?.delivered_count ?? 0) : null,
      members: isTracked ? (row?.members ?? []) : null,
    }
  }

  async sample(count: number): Promise<PointerSample[]> {
    const [all] = await query<{ count: number }>(this.#pool, MEMBERSHIPS, [])
    const share = Math.min(100, (100 * count) / Math.max(1, all?.count ?? 0))
    return query<PointerSample>(this.#pool, SAMPLE, [share])
  }
}

function outcomeOf(row: MovedRow): PointerOutcome {
  if (row.is_unplaced) return { status: 'unplaced', headSeq: row.head_seq, firstSeq: row.first_seq }
  const { now_delivered, now_read, was_delivered, was_read } = row
  const hasMoved = now_delivered > was_delivered || now_read > was_read
  return {
    status: 'stored',
    pointers: { deliveredSeq: now_delivered, readSeq: now_read },
    before: hasMoved ? { deliveredSeq: was_delivered, readSeq: was_read } : null,
    memberCount: row.member_count,
    memberVersion: row.member_version,
    at: row.at,
  }
}
