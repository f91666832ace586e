import type { SessionId, UserId } from '../../domain/ids.ts'
import type { AuditEntry, AuditQuery, AuditReader } from '../../service/audit/ports.ts'
import { type AuditRow, auditHash } from './audit.ts'
import { Filter } from './filter.ts'
import type { Queryable } from './sql.ts'

const PAGE = 1000

/** What became of the chain: `fault` is the first entry that does not follow from the one before. */
export interface ChainReport {
  entries: number
  /** Id and hash of the last good entry, to be noted elsewhere: a cut tail shows only against such a note. */
  head: { id: number; hash: string } | null
  fault: { id: number; why: string } | null
}

/** Reads and verifies the audit trail on PostgreSQL. */
export class PostgresAuditReader implements AuditReader {
  readonly #sql: Queryable

  constructor(sql: Queryable) {
    this.#sql = sql
  }

  async list(query: AuditQuery): Promise<AuditEntry[]> {
    const { actorId, action, target, outcome, from, to, before, limit } = query
    const filter = new Filter()
      .where('actor_id = ?', actorId)
      .where('action = ?', action)
      .where('target = ?', target)
      .where('outcome = ?', outcome)
      .where('at >= ?', from)
      .where('at < ?', to)
      .where('id < ?', before)
    const text = `select * from audit_log ${filter.sql} order by id desc limit ${filter.place(limit)}`
    const rows = await this.#sql.query<AuditRow>(text, filter.values)
    return rows.map(entryOf)
  }

  /** The hash of an entry, hex; null when there is none. */
  async hashAt(id: number): Promise<string | null> {
    const [row] = await this.#sql.query<{ hash: Buffer }>('select hash from audit_log where id = $1', [id])
    return row?.hash.toString('hex') ?? null
  }

  /** @param key the one the trail was written with. */
  async verify(key: Buffer): Promise<ChainReport> {
    let last: { id: number; hash: Buffer } = { id: 0, hash: Buffer.alloc(32) }
    const report = (fault: ChainReport['fault']): ChainReport => ({
      entries: last.id,
      head: last.id === 0 ? null : { id: last.id, hash: last.hash.toString('hex') },
      fault,
    })
    for (;;) {
      const rows = await this.#sql.query<AuditRow>(
        `select * from audit_log where id > $1 order by id limit ${PAGE}`,
        [last.id],
      )
      for (const row of rows) {
        const why = faultOf(row, last, key)
        if (why !== null) return report({ id: row.id, why })
        last = row
      }
      if (rows.length < PAGE) return report(null)
    }
  }
}

function faultOf(row: AuditRow, last: { id: number; hash: Buffer }, key: Buffer): string | null {
  if (row.id !== last.id + 1) return `entries ${last.id + 1} to ${row.id - 1} are missing`
  if (!row.previous_hash.equals(last.hash)) return 'does not follow from the entry before'
  if (!auditHash(key, row).equals(row.hash)) return 'was changed, or SECRET_KEY is another one'
  return null
}

function entryOf(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    action: row.action,
    outcome: row.outcome,
    actorId: row.actor_id as UserId | null,
    sessionId: row.session_id as SessionId | null,
    target: row.target,
    address: row.address,
    details: row.details,
  }
}
