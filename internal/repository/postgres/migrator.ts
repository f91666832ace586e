import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { OperatorError } from '../../platform/operator-error.ts'
import {
  type AppliedMigration,
  type Migration,
  type MigrationStatus,
  migrationStatus,
  migrationsFolder,
  migrationsToRevert,
  pendingMigrations,
  readMigrations,
} from '../migration/plan.ts'

/** Where to migrate: an address, or a pool of which one connection is used and then closed. */
export type MigrationTarget = string | pg.Pool

// 'realchat' in ASCII, as a signed 64-bit number.
const LOCK_KEY = '8242264688829751668'
const LOCK_POLL_MS = 100
const NO_TRANSACTION = /^--\s*no-transaction\s*\n/

const TABLE = `create table if not exists schema_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
)`

/**
 * Applies every pending migration in order, each in its own transaction unless its first line is
 * `-- no-transaction`. Any number of processes may call it at once: one works, the others wait and find
 * nothing left to do. Answers the names applied by this call.
 * @throws MigrationError naming the migration that changed, is missing or is out of order.
 */
export function migratePostgres(
  target: MigrationTarget,
  folder = migrationsFolder('postgres'),
): Promise<string[]> {
  return withMigrationLock(target, async (client) => {
    const pending = pendingMigrations(readMigrations(folder), await appliedTo(client))
    for (const migration of pending) await apply(client, migration)
    return pending.map(({ name }) => name)
  })
}

/** Takes back the last `steps` migrations; answers their names, newest first. Refuses as {@link migratePostgres}. */
export function revertPostgres(
  target: MigrationTarget,
  steps: number,
  folder = migrationsFolder('postgres'),
): Promise<string[]> {
  return withMigrationLock(target, async (client) => {
    const reverted = migrationsToRevert(readMigrations(folder), await appliedTo(client), steps)
    for (const migration of reverted) await revert(client, migration)
    return reverted.map(({ name }) => name)
  })
}

export function postgresStatus(
  target: MigrationTarget,
  folder = migrationsFolder('postgres'),
): Promise<MigrationStatus[]> {
  return withMigrationLock(target, async (client) =>
    migrationStatus(readMigrations(folder), await appliedTo(client)),
  )
}

/** Does `work` while no other process migrates this installation, PostgreSQL and Cassandra alike. */
export async function withMigrationLock<T>(
  target: MigrationTarget,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  return onOneConnection(target, async (client) => {
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0')
    // Asked again and again, not waited for: a session that waits for the lock holds a snapshot, and
    // `create index concurrently` of the one that has the lock would wait for it forever.
    while (!(await tryLock(client))) await sleep(LOCK_POLL_MS)
    return work(client)
  })
}

/** The connection is closed afterwards, which gives its lock and settings back whatever happened. */
async function onOneConnection<T>(
  target: MigrationTarget,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  if (typeof target !== 'string') {
    const client = await target.connect()
    return work(client).finally(() => client.release(true))
  }
  const client = new pg.Client({ connectionString: target, application_name: 'realchat-migrate' })
  await client.connect()
  return work(client).finally(() => client.end())
}

async function tryLock(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
    LOCK_KEY,
  ])
  return rows[0]?.locked === true
}

async function appliedTo(client: pg.ClientBase): Promise<AppliedMigration[]> {
  await client.query(TABLE)
  const { rows } = await client.query<AppliedMigration>(
    'select name, checksum from schema_migrations order by name',
  )
  return rows
}

function apply(client: pg.ClientBase, { name, checksum, up }: Migration): Promise<void> {
  return step(client, name, up, () =>
    client.query('insert into schema_migrations (name, checksum) values ($1, $2)', [name, checksum]),
  )
}

function revert(client: pg.ClientBase, { name, down }: Migration): Promise<void> {
  return step(client, name, down, () => client.query('delete from schema_migrations where name = $1', [name]))
}

async function step(
  client: pg.ClientBase,
  name: string,
  sql: string,
  record: () => Promise<unknown>,
): Promise<void> {
  const transaction = !NO_TRANSACTION.test(sql)
  try {
    if (transaction) await client.query('begin')
    await client.query(sql)
    await record()
    if (transaction) await client.query('commit')
  } catch (error) {
    if (transaction) await client.query('rollback')
    throw OperatorError.because(`migration ${name} failed`, error)
  }
}
