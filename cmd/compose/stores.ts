import type { Container } from 'inversify'
import type { Config } from '../../internal/config/config.ts'
import { atDrain, type Component } from '../../internal/platform/lifecycle.ts'
import { CassandraArchiveRemover } from '../../internal/repository/cassandra/archive-remover.ts'
import { createCassandraClient } from '../../internal/repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../../internal/repository/cassandra/message-archive.ts'
import { CassandraReceiptHistory } from '../../internal/repository/cassandra/receipt-history.ts'
import { MemoryBus } from '../../internal/repository/memory/bus.ts'
import { MemoryRateLimiter } from '../../internal/repository/memory/limit.ts'
import { MemoryPresenceStore } from '../../internal/repository/memory/presence.ts'
import { MemorySessionCache } from '../../internal/repository/memory/session.ts'
import { PostgresArchiveRemover } from '../../internal/repository/postgres/archive-remover.ts'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { createLogPool } from '../../internal/repository/postgres/log-pool.ts'
import { PostgresMessageArchive } from '../../internal/repository/postgres/message-archive.ts'
import { NodeLock } from '../../internal/repository/postgres/node-lock.ts'
import { PostgresReceiptHistory } from '../../internal/repository/postgres/receipt-history.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { RedisBus } from '../../internal/repository/redis/bus.ts'
import { createRedis } from '../../internal/repository/redis/client.ts'
import { RedisRateLimiter } from '../../internal/repository/redis/limit.ts'
import { RedisPresenceStore } from '../../internal/repository/redis/presence.ts'
import { RedisSessionCache } from '../../internal/repository/redis/session.ts'
import type { Dependency } from './dependency.ts'
import { ID } from './identifiers.ts'

const POOL_MAX = 20

/** Binds every store's adapters: by address, or in this process where the configuration has none. */
export function bindStores(container: Container): void {
  container.bind(ID.dependencies).toConstantValue([])
  bindPostgres(container)
  const config = container.get(ID.config)
  if (config.cassandra.kind === 'external') bindCassandra(container, config.cassandra)
  else bindPostgresArchive(container)
  if (config.redis.kind === 'external') bindRedis(container, config.redis)
  else bindMemory(container)
}

function bindPostgres(container: Container): void {
  const url = container.get(ID.databaseUrl)
  const name = `realchat-${container.get(ID.config).process}`
  const pool = createPool({ url, max: POOL_MAX, applicationName: name })
  const logPool = createLogPool(url, name)
  const nodeLock = new NodeLock(url)
  container.bind(ID.pool).toConstantValue(pool)
  container.bind(ID.logPool).toConstantValue(logPool)
  container.bind(ID.nodeLock).toConstantValue(nodeLock)
  container.get(ID.dependencies).push({
    name: 'postgres',
    required: true,
    check: async () => void (await pool.query('select 1')),
    close: async () => {
      await nodeLock.release()
      await logPool.end()
      await pool.end()
    },
  })
}

function bindCassandra(
  container: Container,
  address: Extract<Config['cassandra'], { kind: 'external' }>,
): void {
  const client = createCassandraClient(address)
  container.bind(ID.archive).toConstantValue(new CassandraMessageArchive(client))
  container.bind(ID.archiveRemover).toConstantValue(new CassandraArchiveRemover(client))
  container.bind(ID.receiptHistory).toConstantValue(new CassandraReceiptHistory(client))
  // What a node acknowledged shortly before it went down may be lost with it: the archive is written again.
  const replay = () => container.get(ID.relay).archive.replay()
  client.on('hostUp', replay)
  client.on('hostDown', replay)
  container.get(ID.dependencies).push({
    name: 'cassandra',
    required: false,
    check: async () => void (await client.execute('select key from system.local')),
    close: () => client.shutdown(),
  })
}

function bindPostgresArchive(container: Container): void {
  const pool = container.get(ID.logPool)
  container.bind(ID.archive).toConstantValue(new PostgresMessageArchive(pool))
  container.bind(ID.archiveRemover).toConstantValue(new PostgresArchiveRemover(new Sql(pool)))
  container.bind(ID.receiptHistory).toConstantValue(new PostgresReceiptHistory(pool))
}

function bindRedis(
  container: Container,
  { urls, prefix }: Extract<Config['redis'], { kind: 'external' }>,
): void {
  const redis = createRedis(urls, 'realchat')
  const logger = container.get(ID.logger)
  const warn = (error: unknown) => logger.warn({ err: error }, 'redis')
  const { rateLimitScale } = container.get(ID.config)
  container.bind(ID.bus).toConstantValue(new RedisBus({ urls, prefix, redis, onError: warn }))
  container.bind(ID.limiter).toConstantValue(new RedisRateLimiter(redis, prefix, rateLimitScale))
  container.bind(ID.sessionCache).toConstantValue(new RedisSessionCache(redis, prefix, warn))
  container.bind(ID.presenceStore).toConstantValue(new RedisPresenceStore(redis, prefix))
  container.get(ID.dependencies).push({
    name: 'redis',
    required: false,
    check: async () => void (await redis.ping()),
    close: async () => redis.disconnect(),
  })
}

function bindMemory(container: Container): void {
  container.bind(ID.bus).toConstantValue(new MemoryBus())
  container.bind(ID.limiter).toConstantValue(new MemoryRateLimiter(container.get(ID.config).rateLimitScale))
  container.bind(ID.sessionCache).toConstantValue(new MemorySessionCache(container.get(ID.clock)))
  container.bind(ID.presenceStore).toConstantValue(new MemoryPresenceStore(container.get(ID.clock)))
}

/** Closes the stores after everything that uses them has drained; to be started first. */
export function storesComponent(dependencies: readonly Dependency[]): Component {
  return atDrain('stores', async () => {
    await Promise.all(dependencies.map((dependency) => dependency.close()))
  })
}
