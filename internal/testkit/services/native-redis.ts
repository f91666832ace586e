import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { NativeService } from './native.ts'
import { findProgram, freePorts, launch, untilReady } from './processes.ts'

export const nativeRedis: NativeService<'redis'> = {
  label: 'Redis',
  packages: ['redis-server'],
  installed: () => findProgram('redis-server') !== null,
  async start(folder, started) {
    const [port] = await freePorts(1)
    const logFile = join(folder, 'redis.log')
    const options = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder }
    const record = launch({
      command: findProgram('redis-server') ?? 'redis-server',
      args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      logFile,
    })
    started(record)
    const url = `redis://127.0.0.1:${port}`
    await untilReady('Redis', record, logFile, () => answersRedis(url))
    return { url }
  },
}

/** @throws when it does not answer a PING */
export async function answersRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 })
  // Without a listener a refused connection would be reported twice, once on standard error.
  redis.on('error', () => {})
  try {
    await redis.connect()
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}
