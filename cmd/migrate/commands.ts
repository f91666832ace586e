import { OperatorError } from '../../internal/platform/operator-error.ts'
import {
  type CassandraMigrationTarget,
  cassandraStatus,
  migrateCassandra,
  revertCassandra,
} from '../../internal/repository/cassandra/migrator.ts'
import {
  migratePostgres,
  postgresStatus,
  revertPostgres,
  withMigrationLock,
} from '../../internal/repository/postgres/migrator.ts'

export interface Stores {
  /** Address of the database. */
  postgres: string
  cassandra: CassandraMigrationTarget
}

type Say = (line: string) => void

/** Cassandra has no lock worth the name: who migrates it holds PostgreSQL's. */
export async function up(stores: Stores, say: Say): Promise<void> {
  for (const name of await migratePostgres(stores.postgres)) say(`postgres: applied ${name}`)
  const applied = await withMigrationLock(stores.postgres, () => migrateCassandra(stores.cassandra))
  for (const name of applied) say(`cassandra: applied ${name}`)
  say('up to date')
}

export async function down(stores: Stores, words: string[], say: Say): Promise<void> {
  const { steps, store } = parseDown(words)
  const reverted =
    store === 'postgres'
      ? await revertPostgres(stores.postgres, steps)
      : await withMigrationLock(stores.postgres, () => revertCassandra(stores.cassandra, steps))
  for (const name of reverted) say(`${store}: took back ${name}`)
  if (reverted.length === 0) say(`${store}: nothing to take back`)
}

/** @throws when a word is neither a positive number nor a store */
function parseDown(words: string[]): { steps: number; store: 'postgres' | 'cassandra' } {
  const parsed: ReturnType<typeof parseDown> = { steps: 1, store: 'postgres' }
  for (const word of words) {
    if (word === 'postgres' || word === 'cassandra') parsed.store = word
    else if (/^[1-9]\d{0,3}$/.test(word)) parsed.steps = Number(word)
    else throw new OperatorError(`down takes a number and postgres or cassandra, not "${word}"`)
  }
  return parsed
}

export async function status(stores: Stores, say: Say): Promise<void> {
  for (const { name, state } of await postgresStatus(stores.postgres)) say(`postgres   ${state}\t${name}`)
  for (const { name, state } of await cassandraStatus(stores.cassandra)) say(`cassandra  ${state}\t${name}`)
}
