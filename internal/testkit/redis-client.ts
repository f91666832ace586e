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

/** Makes milliseconds pass by the server's clock. */
export async function passRedisTime(redis: RedisClient, ms: number): Promise<void> {
  const micros = async () => Number((await redis.time()).map((part) => `${part}`.padStart(6, '0')).join(''))
  const start = await micros()
  // Redis counts whole milliseconds, and a key lives through its last one.
  while ((await micros()) - start <= (ms + 1) * 1000) await redis.ping()
}
