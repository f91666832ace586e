import { createHmac } from 'node:crypto'
import type { Clock } from '../../platform/clock.ts'
import type { AuditEvent, AuditTrail } from '../../service/audit/ports.ts'
import type { Queryable, Sql } from './sql.ts'

/** One row as it is hashed and read back. */
export interface AuditRow {
  id: number
  at: Date
  action: string
  outcome: AuditEvent['outcome']
  actor_id: string | null
  session_id: string | null
  target: string | null
  address: string | null
  details: Record<string, unknown>
  previous_hash: Buffer
  hash: Buffer
}

const GENESIS = Buffer.alloc(32)
const TARGET_MAX = 200
// Any constant: appends take turns, so that the chain has no forks.
const CHAIN_LOCK = 4_702_111

/** AuditTrail on PostgreSQL, each row sealed to the one before by an HMAC whose key the database lacks. */
export class PostgresAuditTrail implements AuditTrail {
  readonly #sql: Sql
  readonly #key: Buffer
  readonly #clock: Clock

  constructor(sql: Sql, key: Buffer, clock: Clock) {
    this.#sql = sql
    this.#key = key
    this.#clock = clock
  }

  async record(event: AuditEvent): Promise<void> {
    await this.#sql.transaction((sql) => this.#append(sql, event))
  }

  async #append(sql: Queryable, event: AuditEvent): Promise<void> {
    await sql.query('select pg_advisory_xact_lock($1)', [CHAIN_LOCK])
    const [last] = await sql.query<{ id: number; hash: Buffer }>(
      'select id, hash from audit_log order by id desc limit 1',
    )
    const row = {
      id: (last?.id ?? 0) + 1,
      at: new Date(this.#clock.now()),
      action: event.action,
      outcome: event.outcome,
      actor_id: event.actorId,
      session_id: event.sessionId ?? null,
      target: event.target?.slice(0, TARGET_MAX) ?? null,
      address: event.address,
      details: event.details ?? {},
      previous_hash: last?.hash ?? GENESIS,
    }
    await sql.query(
      `insert into audit_log (id, at, action, outcome, actor_id, session_id, target, address, details,
         previous_hash, hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [...Object.values(row), auditHash(this.#key, row)],
    )
  }
}

/** HMAC-SHA256 over the row in a form that reads back alike: jsonb does not keep the order of keys. */
export function auditHash(key: Buffer, row: Omit<AuditRow, 'hash'>): Buffer {
  const details = Object.entries(row.details).sort(([a], [b]) => (a < b ? -1 : 1))
  const text = JSON.stringify([
    row.id,
    row.at.toISOString(),
    row.action,
    row.outcome,
    row.actor_id,
    row.session_id,
    row.target,
    row.address,
    details,
  ])
  return createHmac('sha256', key).update(row.previous_hash).update(text).digest()
}
