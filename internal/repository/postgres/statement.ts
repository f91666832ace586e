import {
  type AliasedRawBuilder,
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely'
import type pg from 'pg'
import { query } from './query.ts'
import type { Tables } from './tables.ts'

/** Builds typed statements; it has no connection, `run` executes them. */
export const db = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

/**
 * Runs a built statement, prepared under `name`: one name has one text, only its parameters may differ.
 * @returns the rows; none for a statement without RETURNING
 * @throws DomainError `dependency_unavailable` when the server cannot be asked; pg.DatabaseError else.
 */
export function run<Row extends object>(
  pool: pg.Pool,
  name: string,
  statement: Compilable<Row>,
): Promise<Row[]> {
  const { sql: text, parameters } = statement.compile()
  return query<Row>(pool, { name, text }, [...parameters])
}

type ElementType = 'uuid' | 'text' | 'integer' | 'bigint' | 'timestamptz' | 'jsonb'

/**
 * Rows out of one array per column, so that any number of them is one statement text with as many
 * parameters as columns: `unnest($1::uuid[], $2::integer[]) as "i"("id", "place")`.
 */
export function rowsOf<Row extends object, Alias extends string>(
  alias: Alias,
  columns: { [Column in keyof Row]: readonly [type: ElementType, values: readonly unknown[]] },
): AliasedRawBuilder<Row, Alias> {
  const entries = Object.entries<readonly [type: ElementType, values: readonly unknown[]]>(columns)
  const arrays = entries.map(([, [type, values]]) => sql`${values}::${sql.raw(type)}[]`)
  const names = entries.map(([name]) => sql.ref(name))
  return sql<Row>`unnest(${sql.join(arrays)})`.as<Alias>(sql`${sql.ref(alias)}(${sql.join(names)})`)
}
