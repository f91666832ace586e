import { describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import pg from 'pg'
import { allAnswer } from './services/start.ts'
import { testCassandra, testPostgres, testRabbitmq, testRedis } from './services.ts'

describe('services for tests', () => {
  it('gives every file a migrated database of its own', async () => {
    const [one, other] = [await testPostgres(), await testPostgres()]
    expect(one.url).not.toBe(other.url)
    const client = new pg.Client({ connectionString: one.url })
    await client.connect()
    const { rowCount } = await client.query('select from schema_migrations')
    await client.end()
    expect(rowCount).toEqual(expect.any(Number))
  })

  it('gives a keyspace, a key prefix and a virtual host', async () => {
    const { keyspace, ...address } = await testCassandra()
    expect(keyspace).toMatch(/^test_[0-9a-f]{16}$/)
    await allAnswer({ cassandra: address })
    const { url, prefix } = await testRedis()
    const redis = new Redis(url)
    await redis.set(`${prefix}key`, 'value')
    await redis.quit()
    expect(new URL((await testRabbitmq()).url).pathname).toMatch(/^\/test_/)
  })
})
