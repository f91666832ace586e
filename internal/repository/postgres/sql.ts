import { createHash } from 'node:crypto'
import pg from 'pg'
import { query, transaction } from './query.ts'

/** Where statements run: a pool, or one transaction on it. Statements are prepared once per connection. */
export interface Queryable {
  /** @throws DomainError `dependency_unavailable` when the server cannot be asked; pg.DatabaseError else. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

/** A pool as repositories use it. */
export class Sql implements Queryable {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return query(this.#pool, { name: nameOf(text), text }, [...values])
  }

  /** Runs `work` in one transaction, which commits when it resolves. */
  transaction<T>(work: (sql: Queryable) => Promise<T>): Promise<T> {
    return transaction(this.#pool, (client) =>
      work({
        async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
          const { rows } = await client.query<Row>({ name: nameOf(text), text, values: [...values] })
          return rows
        },
      }),
    )
  }
}

const names = new Map<string, string>()

/** Statements are constants of the code, so this holds as many as there are. */
function nameOf(text: string): string {
  const known = names.get(text)
  if (known !== undefined) return known
  const name = createHash('sha256').update(text).digest('hex').slice(0, 32)
  names.set(text, name)
  return name
}

const UNIQUE_VIOLATION = '23505'

/** The unique constraint that refused a row, with the server's detail; null for any other error. */
export function violatedUnique(error: unknown): { constraint: string; detail: string } | null {
  if (!(error instanceof pg.DatabaseError) || error.code !== UNIQUE_VIOLATION) return null
  return { constraint: error.constraint ?? '', detail: error.detail ?? '' }
}
