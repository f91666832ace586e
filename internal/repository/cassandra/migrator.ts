import cassandra from 'cassandra-driver'
import { OperatorError } from '../../platform/operator-error.ts'
import {
  type AppliedMigration,
  MigrationError,
  type MigrationStatus,
  migrationStatus,
  migrationsFolder,
  migrationsToRevert,
  pendingMigrations,
  readMigrations,
} from '../migration/plan.ts'
import { cqlStatements, refuseUnrepeatable } from './cql.ts'

export interface CassandraMigrationTarget {
  /** Hosts, each with an optional `:port`. */
  contactPoints: string[]
  localDc: string
  keyspace: string
  /**
   * CQL map for a keyspace that does not exist yet. The default keeps one copy; in production give
   * `{'class': 'NetworkTopologyStrategy', '<data centre>': 3}`.
   */
  replication?: string | null
}

const ONE_COPY = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
const REPLICATION = /^\{\s*'class'\s*:[\w\s':,.-]+\}$/
const SCHEMA_TIMEOUT_MS = 60_000

/**
 * Creates the keyspace where absent and applies every pending migration in order. Cassandra has no
 * transactions: statements are written so that they can be repeated (`if not exists`), and the caller keeps
 * other processes out (`withMigrationLock` of the PostgreSQL migrator). Answers the names applied.
 * @throws MigrationError naming the migration that changed, is missing or is out of order.
 */
export function migrateCassandra(
  target: CassandraMigrationTarget,
  folder = migrationsFolder('cassandra'),
): Promise<string[]> {
  return onKeyspace(target, async (client) => {
    const pending = pendingMigrations(readMigrations(folder), await appliedTo(client))
    for (const { name, checksum, up } of pending) {
      await run(client, name, up)
      await client.execute(
        'insert into schema_migrations (name, checksum, applied_at) values (?, ?, toTimestamp(now()))',
        [name, checksum],
        { prepare: true },
      )
    }
    return pending.map(({ name }) => name)
  })
}

/** Takes back the last `steps` migrations; answers their names, newest first. */
export function revertCassandra(
  target: CassandraMigrationTarget,
  steps: number,
  folder = migrationsFolder('cassandra'),
): Promise<string[]> {
  return onKeyspace(target, async (client) => {
    const reverted = migrationsToRevert(readMigrations(folder), await appliedTo(client), steps)
    for (const { name, down } of reverted) {
      await run(client, name, down)
      await client.execute('delete from schema_migrations where name = ?', [name], { prepare: true })
    }
    return reverted.map(({ name }) => name)
  })
}

export function cassandraStatus(
  target: CassandraMigrationTarget,
  folder = migrationsFolder('cassandra'),
): Promise<MigrationStatus[]> {
  return onKeyspace(target, async (client) =>
    migrationStatus(readMigrations(folder), await appliedTo(client)),
  )
}

async function onKeyspace<T>(
  target: CassandraMigrationTarget,
  work: (client: cassandra.Client) => Promise<T>,
): Promise<T> {
  const client = new cassandra.Client({
    contactPoints: target.contactPoints,
    localDataCenter: target.localDc,
    queryOptions: { consistency: cassandra.types.consistencies.quorum },
    socketOptions: { readTimeout: SCHEMA_TIMEOUT_MS },
    protocolOptions: { maxSchemaAgreementWaitSeconds: SCHEMA_TIMEOUT_MS / 1000 },
  })
  try {
    await connect(client, target)
    const replication = target.replication ?? ONE_COPY
    if (!REPLICATION.test(replication))
      throw new MigrationError(`CASSANDRA_REPLICATION is not a CQL map: ${replication}`)
    await change(client, `create keyspace if not exists ${target.keyspace} with replication = ${replication}`)
    await change(client, `use ${target.keyspace}`)
    return await work(client)
  } finally {
    await client.shutdown()
  }
}

async function connect(client: cassandra.Client, { contactPoints }: CassandraMigrationTarget): Promise<void> {
  try {
    await client.connect()
  } catch (error) {
    throw OperatorError.because(`Cassandra cannot be reached at ${contactPoints.join(', ')}`, error)
  }
}

async function appliedTo(client: cassandra.Client): Promise<AppliedMigration[]> {
  await change(
    client,
    'create table if not exists schema_migrations (name text primary key, checksum text, applied_at timestamp)',
  )
  const { rows } = await client.execute('select name, checksum from schema_migrations')
  return rows.map((row) => ({ name: String(row['name']), checksum: String(row['checksum']) }))
}

async function run(client: cassandra.Client, name: string, cql: string): Promise<void> {
  for (const statement of cqlStatements(cql)) {
    refuseUnrepeatable(name, statement)
    try {
      await change(client, statement)
    } catch (error) {
      throw OperatorError.because(`migration ${name} failed`, error)
    }
  }
}

/** A schema change is over when every node has it. */
async function change(client: cassandra.Client, statement: string): Promise<void> {
  const { info } = await client.execute(statement)
  // The driver's own types leave this field out.
  if ('isSchemaInAgreement' in info && info.isSchemaInAgreement === false)
    throw new Error(`the nodes did not agree on the schema within ${SCHEMA_TIMEOUT_MS / 1000} s`)
}
