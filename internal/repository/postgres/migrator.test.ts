import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import pg from 'pg'
import { testEmptyPostgres } from '../../testkit/services.ts'
import { migratorContract } from '../migration/migrator.contract.ts'
import { createPool } from './database.ts'
import { migratePostgres, postgresStatus, revertPostgres } from './migrator.ts'

async function tablesOf(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations'
     order by tablename`,
  )
  await client.end()
  return rows.map(({ name }) => name)
}

migratorContract('sql', async () => {
  const { url } = await testEmptyPostgres()
  return {
    up: (folder) => migratePostgres(url, folder),
    down: (folder, steps) => revertPostgres(url, steps, folder),
    status: (folder) => postgresStatus(url, folder),
    tables: () => tablesOf(url),
  }
})

it('migrates on a connection of a pool, without a transaction where asked', async () => {
  const { url } = await testEmptyPostgres()
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  writeFileSync(join(folder, '0001_table.up.sql'), 'create table t (id int)')
  writeFileSync(join(folder, '0001_table.down.sql'), 'drop table t')
  writeFileSync(join(folder, '0002_index.up.sql'), '-- no-transaction\ncreate index concurrently i on t (id)')
  writeFileSync(join(folder, '0002_index.down.sql'), '-- no-transaction\ndrop index concurrently i')
  const pool = createPool({ url, max: 10, applicationName: 'test' })
  const applied = await Promise.all(Array.from({ length: 10 }, () => migratePostgres(pool, folder)))
  expect(applied.flat()).toEqual(['0001_table', '0002_index'])
  await pool.end()
  rmSync(folder, { recursive: true })
})

it('brings the project’s own migrations up, down and up again', async () => {
  const { url } = await testEmptyPostgres()
  const applied = await migratePostgres(url)
  expect(await revertPostgres(url, applied.length)).toEqual([...applied].reverse())
  expect(await tablesOf(url)).toEqual([])
  expect(await migratePostgres(url)).toEqual(applied)
})
