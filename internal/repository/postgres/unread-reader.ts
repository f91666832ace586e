import type pg from 'pg'
import type { UserId } from '../../domain/ids.ts'
import { messageOf } from '../../domain/log-entry.ts'
import type { Message } from '../../domain/message.ts'
import type { DigestItem, UnreadReader } from '../../notifier/digest/ports.ts'
import { REFUSALS_MAX } from './email-limits.ts'
import { hashOf } from './email-recipients.ts'
import {
  CHANGE_ROW_COLUMNS,
  type ChangeRow,
  entryOf,
  LOG_ROW_COLUMNS,
  type LogRow,
  MESSAGE_KIND,
  stateOf,
} from './log-entry.ts'
import { query } from './query.ts'

// The newest change has the message's whole state. A day's distance, as an event's day is its sender's clock's.
const MESSAGES = {
  name: 'unread_messages',
  text: `
    select a.place, ${LOG_ROW_COLUMNS}, (
      select row_to_json(x) from (
        select ${CHANGE_ROW_COLUMNS} from log l
        where l.conversation_id = a.conversation_id and l.target_seq = a.seq and l.day >= a.day - 1
        order by l.rev desc limit 1) x) as change
    from unnest($2::uuid[], $3::bigint[], $4::date[]) with ordinality a(conversation_id, seq, day, place)
    join log l on l.conversation_id = a.conversation_id and l.seq = a.seq and l.kind = ${MESSAGE_KIND}
      and l.day between a.day - 1 and a.day + 1
    join heads h on h.conversation_id = a.conversation_id and h.first_seq <= a.seq
    where not exists (select 1 from hidden_messages x
      where x.user_id = $1 and x.conversation_id = a.conversation_id and x.seq = a.seq)`,
}

const ADDRESS = {
  name: 'mail_address',
  text: `
    select i.value as address, r.refused_hash as "refusedHash",
      coalesce(r.refusals >= ${REFUSALS_MAX} and i.verified_at <= r.refused_at, false) as refused
    from identities i left join email_recipients r on r.user_id = i.user_id
    where i.user_id = $1 and i.kind = 'email' and i.verified_at is not null`,
}

type Row = LogRow & { place: number; change: Omit<ChangeRow, 'ordinal'> | null }

/** What is to be mailed, as it is now. */
export class PostgresUnreadReader implements UnreadReader {
  readonly #pool: pg.Pool
  readonly #logPool: pg.Pool

  /** @param logPool the log's own connections: its plans must not be those of an empty day. */
  constructor(pool: pg.Pool, logPool: pg.Pool) {
    this.#pool = pool
    this.#logPool = logPool
  }

  async messages(userId: UserId, items: readonly DigestItem[]): Promise<(Message | null)[]> {
    const result: (Message | null)[] = items.map(() => null)
    if (items.length === 0) return result
    const rows = await query<Row>(this.#logPool, MESSAGES, [
      userId,
      items.map(({ conversationId }) => conversationId),
      items.map(({ seq }) => seq),
      items.map(({ day }) => day),
    ])
    for (const { place, change, ...row } of rows) {
      result[place - 1] = messageOf({ ...entryOf(row), state: change && stateOf(change) })
    }
    return result
  }

  async address(userId: UserId): Promise<{ address: string; bounces: boolean } | null> {
    const [row] = await query<{ address: string; refused: boolean; refusedHash: Buffer | null }>(
      this.#pool,
      ADDRESS,
      [userId],
    )
    if (!row) return null
    const { address, refused, refusedHash } = row
    return { address, bounces: refused && (refusedHash?.equals(hashOf(address)) ?? false) }
  }
}
