import pg from 'pg'
import { fingerprint, migrationsFolder, readMigrations } from '../../repository/migration/plan.ts'
import { migratePostgres } from '../../repository/postgres/migrator.ts'

const LOCK = 'realchat test template'

/**
 * A new database that is a copy of a migrated one, which is made once per server and set of migrations:
 * copying takes 30 ms, migrating each time would take more with every migration.
 * @returns its address
 */
export async function createFromTemplate(serverUrl: string, name: string): Promise<string> {
  return onServer(serverUrl, async (client) => {
    const template = `template_${fingerprint(readMigrations(migrationsFolder('postgres'))).slice(0, 16)}`
    if (!(await exists(client, template))) await makeTemplate(client, serverUrl, template)
    await client.query(`create database ${name} template ${template}`)
    return databaseUrl(serverUrl, name)
  })
}

export async function createEmpty(serverUrl: string, name: string): Promise<string> {
  await onServer(serverUrl, (client) => client.query(`create database ${name}`))
  return databaseUrl(serverUrl, name)
}

export async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await onServer(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`))
}

/** Under a lock, and renamed when whole, so that other test files wait for it and never see half of it. */
async function makeTemplate(client: pg.Client, serverUrl: string, template: string): Promise<void> {
  await client.query('select pg_advisory_lock(hashtext($1))', [LOCK])
  try {
    if (await exists(client, template)) return
    await client.query(`drop database if exists ${template}_new with (force)`)
    await client.query(`create database ${template}_new`)
    await migratePostgres(databaseUrl(serverUrl, `${template}_new`))
    await client.query(`alter database ${template}_new rename to ${template}`)
  } finally {
    await client.query('select pg_advisory_unlock(hashtext($1))', [LOCK])
  }
}

async function exists(client: pg.Client, database: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
  return rowCount === 1
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return work(client).finally(() => client.end())
}

function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}
