import pg from 'pg'
import { DomainError, unavailable } from '../../domain/errors.ts'

/** SQLSTATE classes in which the server refused the statement itself; not 25, which a read-only primary gives. */
const ANSWERED = /^(2[0-46-9A-Z]|3[0-9A-Z]|4[24]|P0)/

/** Runs one prepared statement; everything that is not the statement's own fault is `dependency_unavailable`. */
export async function query<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  statement: { name: string; text: string },
  values: unknown[],
): Promise<Row[]> {
  try {
    const { rows } = await pool.query<Row>({ ...statement, values })
    return rows
  } catch (error) {
    throw faultOf(error)
  }
}

/** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
export async function transaction<Result>(
  pool: pg.Pool,
  work: (client: pg.ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => {
    throw unavailable('PostgreSQL', error)
  })
  let broken = false
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    // A connection whose rollback fails is not used again.
    await client.query('rollback').catch(() => {
      broken = true
    })
    throw faultOf(error)
  } finally {
    client.release(broken)
  }
}

/** The error itself when PostgreSQL refused the statement; else the outcome is unknown. */
function faultOf(error: unknown): unknown {
  if (error instanceof DomainError) return error
  if (error instanceof pg.DatabaseError && ANSWERED.test(error.code ?? '')) return error
  return unavailable('PostgreSQL', error)
}
