import { randomBytes } from 'node:crypto'
import cassandra from 'cassandra-driver'
import { Redis } from 'ioredis'
import { migrateCassandra } from '../repository/cassandra/migrator.ts'
import { rabbitmqApi } from './services/native-rabbitmq.ts'
import { type Addresses, availableServices, type ServiceName } from './services/state.ts'
import { createEmpty, createFromTemplate, dropDatabase } from './services/template-database.ts'

declare global {
  // Run by environment.mjs after the file's last hook.
  var realchatCleanups: (() => Promise<void>)[] | undefined
}

/** A database of this test file's own, migrated; dropped after the file. */
export async function testPostgres(): Promise<{ url: string }> {
  const { url } = service('postgres')
  const name = uniqueName()
  cleanUpAfterFile(() => dropDatabase(url, name))
  return { url: await createFromTemplate(url, name) }
}

/** The same without any table in it, for tests of migrations. */
export async function testEmptyPostgres(): Promise<{ url: string }> {
  const { url } = service('postgres')
  const name = uniqueName()
  cleanUpAfterFile(() => dropDatabase(url, name))
  return { url: await createEmpty(url, name) }
}

/** A keyspace of this test file's own, migrated; dropped after the file. */
export async function testCassandra(): Promise<{
  contactPoints: string[]
  localDc: string
  keyspace: string
}> {
  const target = testEmptyCassandra()
  await migrateCassandra(target)
  return target
}

/** The name of a keyspace that does not exist yet. */
export function testEmptyCassandra(): { contactPoints: string[]; localDc: string; keyspace: string } {
  const target = { ...service('cassandra'), keyspace: uniqueName() }
  cleanUpAfterFile(() => dropKeyspace(target))
  return target
}

/** A prefix for this test file's keys, which are deleted after the file. */
export async function testRedis(): Promise<{ url: string; prefix: string }> {
  const { url } = service('redis')
  const prefix = `${uniqueName()}:`
  cleanUpAfterFile(() => deleteKeys(url, prefix))
  return { url, prefix }
}

/** A virtual host of this test file's own, deleted with all in it after the file. */
export async function testRabbitmq(): Promise<{ url: string }> {
  const { url, managementUrl } = service('rabbitmq')
  const vhost = uniqueName()
  cleanUpAfterFile(async () => {
    await rabbitmqApi(managementUrl, 'DELETE', `vhosts/${vhost}`)
  })
  const all = { configure: '.*', write: '.*', read: '.*' }
  await rabbitmqApi(managementUrl, 'PUT', `vhosts/${vhost}`)
  await rabbitmqApi(managementUrl, 'PUT', `permissions/${vhost}/${new URL(url).username || 'guest'}`, all)
  const own = new URL(url)
  own.pathname = `/${vhost}`
  return { url: own.href }
}

function service<Name extends ServiceName>(name: Name): NonNullable<Addresses[Name]> {
  const address = availableServices()[name]
  if (!address) throw new Error(`no ${name} to test against: run "npm run services" first, or "npm test"`)
  return address
}

export function cleanUpAfterFile(cleanup: () => Promise<void>): void {
  globalThis.realchatCleanups = [...(globalThis.realchatCleanups ?? []), cleanup]
}

function uniqueName(): string {
  return `test_${randomBytes(8).toString('hex')}`
}

async function dropKeyspace(target: { contactPoints: string[]; localDc: string; keyspace: string }) {
  const client = new cassandra.Client({
    contactPoints: target.contactPoints,
    localDataCenter: target.localDc,
  })
  try {
    await client.connect()
    await client.execute(`drop keyspace if exists ${target.keyspace}`)
  } finally {
    await client.shutdown()
  }
}

async function deleteKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url)
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
      if (keys.length > 0) await redis.unlink(...keys)
    }
  } finally {
    redis.disconnect()
  }
}
