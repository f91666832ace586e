import pg from 'pg'
import { unavailable } from '../../domain/errors.ts'
import { createPool } from './database.ts'

const QUERY_TIMEOUT_MS = 2000

/**
 * Connections of the log. Plans that were cached while a day's partition was empty scan it for ever, so the
 * planner is kept to the indexes; every new connection first makes sure of the cluster's era.
 */
export function createLogPool(url: string, applicationName: string, max = 10): pg.Pool {
  return createPool({
    url,
    max,
    applicationName: `${applicationName}:log`,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    onConnect: async (client) => {
      await client.query('select ensure_era()')
    },
    settings: {
      enable_seqscan: 'off',
      enable_hashjoin: 'off',
      enable_mergejoin: 'off',
      synchronous_commit: 'on',
    },
  })
}

/** SQLSTATE classes in which the server itself refused the statement: the outcome is known. */
const ANSWERED = /^(2[0-9A-Z]|3[0-9A-Z]|4[24]|P0)/

/** Runs one prepared statement; everything that is not the statement's own fault is `dependency_unavailable`. */
export async function queryLog<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  statement: { name: string; text: string },
  values: unknown[],
): Promise<Row[]> {
  try {
    const { rows } = await pool.query<Row>({ ...statement, values })
    return rows
  } catch (error) {
    if (error instanceof pg.DatabaseError && ANSWERED.test(error.code ?? '')) throw error
    throw unavailable('PostgreSQL', error)
  }
}
