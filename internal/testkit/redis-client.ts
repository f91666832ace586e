import { afterAll } from '@jest/globals'
import { createRedis, type RedisClient, redisReady } from '../repository/redis/client.ts'
import { testRedis } from './services.ts'

/** A connected client for keys of this test file's own. To be awaited at the top of the file. */
export async function testRedisClient(): Promise<{ redis: RedisClient; url: string; prefix: string }> {
  const { url, prefix } = await testRedis()
  const redis = createRedis([url], 'test')
  await redisReady(redis)
  afterAll(() => redis.disconnect())
  return { redis, url, prefix }
}
