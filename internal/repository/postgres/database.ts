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
  /** How long a caller waits for an answer; the statement may still take effect. */
  queryTimeoutMs?: number
  /** Runs on every new connection before it is used; its failure is that of the caller's query. */
  onConnect?: (client: pg.ClientBase) => Promise<void>
}

const STATEMENT_TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 2000

/** A pool whose connections use UTC and cannot hold back others by an abandoned transaction. */
export function createPool(pool: PoolOptions): pg.Pool {
  const all: Record<string, string> = {
    timezone: 'UTC',
    idle_in_transaction_session_timeout: '10s',
    ...pool.settings,
  }
  const created = new pg.Pool({
    connectionString: pool.url,
    max: pool.max,
    application_name: pool.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    options: Object.entries(all)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    ...(pool.queryTimeoutMs ? { query_timeout: pool.queryTimeoutMs } : {}),
    ...(pool.onConnect ? { onConnect: pool.onConnect } : {}),
  })
  // An idle connection that breaks is replaced by the next query, which reports what is wrong.
  created.on('error', () => undefined)
  return created
}
