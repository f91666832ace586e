import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

// bigint columns hold seqs, revs and microseconds since 1970: all below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

export interface PoolOptions {
  url: string
  /** Connections at most. */
  max: number
  applicationName: string
  /** Extra `-c name=value` settings of every connection. */
  settings?: Record<string, string>
}

const STATEMENT_TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 2000

/** A pool whose connections use UTC and cannot hold back others by an abandoned transaction. */
export function createPool({ url, max, applicationName, settings = {} }: PoolOptions): pg.Pool {
  const all: Record<string, string> = {
    timezone: 'UTC',
    idle_in_transaction_session_timeout: '10s',
    ...settings,
  }
  return new pg.Pool({
    connectionString: url,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    options: Object.entries(all)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  })
}

/** Kysely over a pool; `Tables` is the feature's own table types, declared beside its repository. */
export function kyselyOn<Tables>(pool: pg.Pool): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
}
