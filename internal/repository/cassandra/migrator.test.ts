import { expect, it } from '@jest/globals'
import cassandra from 'cassandra-driver'
import { testEmptyCassandra, testEmptyPostgres } from '../../testkit/services.ts'
import { migratorContract } from '../migration/migrator.contract.ts'
import { withMigrationLock } from '../postgres/migrator.ts'
import {
  type CassandraMigrationTarget,
  cassandraStatus,
  migrateCassandra,
  revertCassandra,
} from './migrator.ts'

async function tablesOf({ contactPoints, localDc, keyspace }: CassandraMigrationTarget): Promise<string[]> {
  const client = new cassandra.Client({ contactPoints, localDataCenter: localDc })
  const { rows } = await client.execute(
    'select table_name from system_schema.tables where keyspace_name = ?',
    [keyspace],
  )
  await client.shutdown()
  return rows
    .map((row) => String(row['table_name']))
    .filter((name) => name !== 'schema_migrations')
    .sort()
}

migratorContract('cql', async () => {
  const target = testEmptyCassandra()
  const { url } = await testEmptyPostgres()
  return {
    up: (folder) => withMigrationLock(url, () => migrateCassandra(target, folder)),
    down: (folder, steps) => revertCassandra(target, steps, folder),
    status: (folder) => cassandraStatus(target, folder),
    tables: () => tablesOf(target),
  }
})

it('brings the project’s own migrations up, down and up again', async () => {
  const target = testEmptyCassandra()
  const applied = await migrateCassandra(target)
  expect(await revertCassandra(target, applied.length)).toEqual([...applied].reverse())
  expect(await tablesOf(target)).toEqual([])
  expect(await migrateCassandra(target)).toEqual(applied)
})

it('refuses a replication that is not a map, and an address where nothing answers', async () => {
  await expect(migrateCassandra({ ...testEmptyCassandra(), replication: '3; drop' })).rejects.toThrow(
    'CASSANDRA_REPLICATION',
  )
  await expect(
    migrateCassandra({ contactPoints: ['127.0.0.1:1'], localDc: 'datacenter1', keyspace: 'none' }),
  ).rejects.toThrow(/^Cassandra cannot be reached at 127.0.0.1:1: .*ECONNREFUSED.*$/)
})
