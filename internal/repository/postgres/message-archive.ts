import type pg from 'pg'
import type { ConversationId, Seq } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import type { MessageArchive } from '../../service/message/ports.ts'
import { newestEras } from '../newest-eras.ts'
import { entryOf, LOG_ROW_COLUMNS, type LogRow } from './log-entry.ts'
import { query } from './query.ts'

const INSERT = {
  name: 'archive-insert',
  text: `
    insert into archived_messages
      (conversation_id, seq, rev, era, ordinal, stamp, sender_id, operation_id, payload)
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[],
      $7::uuid[], $8::uuid[], $9::text[])
    on conflict do nothing`,
}

const RANGE = {
  name: 'archive-range',
  text: `
    select ${LOG_ROW_COLUMNS} from archived_messages l
    where l.conversation_id = $1 and l.seq between $2 and $3 order by l.seq`,
}

/** MessageArchive and ArchiveWriter on PostgreSQL, for the standalone server. */
export class PostgresMessageArchive implements MessageArchive, ArchiveWriter {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async write(entries: readonly LogEntry[]): Promise<void> {
    await query(this.#pool, INSERT, [
      entries.map((entry) => entry.conversationId),
      entries.map((entry) => entry.seq),
      entries.map((entry) => entry.rev),
      entries.map((entry) => entry.era),
      entries.map((entry) => entry.ordinal),
      entries.map((entry) => entry.stamp),
      entries.map((entry) => entry.senderId),
      entries.map((entry) => entry.operationId),
      entries.map((entry) => entry.payload),
    ])
  }

  async range(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    return newestEras((await query<LogRow>(this.#pool, RANGE, [conversationId, from, to])).map(entryOf))
  }
}
