import { Container, type ServiceIdentifier } from 'inversify'
import type pg from 'pg'
import type { Config } from '../../internal/config/config.ts'
import { digestMeasure } from '../../internal/notifier/digest/measures.ts'
import { Measures } from '../../internal/notifier/measures.ts'
import { version } from '../../internal/platform/cli.ts'
import { systemClock } from '../../internal/platform/clock.ts'
import { startErrorTracking } from '../../internal/platform/error-tracking.ts'
import { Health } from '../../internal/platform/health.ts'
import { HttpListener } from '../../internal/platform/http-listener.ts'
import { atDrain, type Component } from '../../internal/platform/lifecycle.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import { Metrics } from '../../internal/platform/metrics.ts'
import { operationsServer } from '../../internal/platform/operations.ts'
import { RabbitConsumer } from '../../internal/queue/rabbitmq/consumer.ts'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { PostgresDeadLetters } from '../../internal/repository/postgres/dead-letters.ts'
import { createLogPool } from '../../internal/repository/postgres/log-pool.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { createRedis, type RedisClient } from '../../internal/repository/redis/client.ts'
import { RedisPresenceStore } from '../../internal/repository/redis/presence.ts'
import { composeNotifier } from '../compose/notifier.ts'

const POOL_MAX = 10
const LOG_POOL_MAX = 4

function id<T>(name: string): ServiceIdentifier<T> {
  return Symbol(name)
}

const POOL = id<pg.Pool>('Pool')
const LOG_POOL = id<pg.Pool>('LogPool')
const METRICS = id<Metrics>('Metrics')
const REDIS = id<RedisClient>('Redis')
const CONSUMER = id<RabbitConsumer>('RabbitConsumer')
const HEALTH = id<Health>('Health')
const NOTIFIER = id<Component[]>('Notifier')
const OPERATIONS = id<HttpListener>('Operations')

/** Everything a notifier process runs, stores first. */
export async function createNotifierNode(config: Config, logger: Logger): Promise<Component[]> {
  const { postgres, redis, rabbitmq, http } = config
  if (postgres.kind === 'embedded' || redis.kind === 'embedded' || rabbitmq.kind === 'embedded') {
    throw new Error('the notifier has no embedded stores')
  }
  const tracking = await startErrorTracking({
    dsn: config.sentryDsn,
    process: 'notifier',
    version: version(),
  })
  const container = new Container({ defaultScope: 'Singleton' })
  container.bind(POOL).toResolvedValue(() => {
    return createPool({ url: postgres.url, max: POOL_MAX, applicationName: 'realchat-notifier' })
  })
  container.bind(LOG_POOL).toResolvedValue(() => {
    return createLogPool(postgres.url, 'realchat-notifier', LOG_POOL_MAX)
  })
  container.bind(METRICS).toResolvedValue(metricsOf, [POOL])
  container.bind(REDIS).toResolvedValue(() => createRedis(redis.urls, 'realchat-notifier'))
  container.bind(CONSUMER).toResolvedValue(() => new RabbitConsumer({ url: rabbitmq.url, logger }))
  container.bind(HEALTH).toResolvedValue(healthOf, [POOL, REDIS, CONSUMER])
  container.bind(NOTIFIER).toResolvedValue(
    (pool, logPool, client, consumer, metrics) =>
      composeNotifier({
        pool,
        logPool,
        consumer,
        presence: new RedisPresenceStore(client, redis.prefix),
        observer: new Measures(metrics.registry),
        observeDigest: digestMeasure(metrics.registry),
        push: config.push,
        mail: config.mail,
        publicUrl: http.publicUrl,
        clock: systemClock,
        logger,
        report: (error) => tracking.report(error),
      }),
    [POOL, LOG_POOL, REDIS, CONSUMER, METRICS],
  )
  container.bind(OPERATIONS).toResolvedValue(
    (health, metrics) => {
      metrics.addHealth(health)
      return new HttpListener(operationsServer({ health, metrics, version: version() }), http, logger)
    },
    [HEALTH, METRICS],
  )
  return [
    atDrain('stores', async () => {
      container.get(REDIS).disconnect()
      await container.get(POOL).end()
      await container.get(LOG_POOL).end()
      await tracking.close()
    }),
    // Before the notifier, so that it answers until that has drained.
    container.get(OPERATIONS),
    ...container.get(NOTIFIER),
    // Is started last and so drains first: whoever asks is told before anything closes.
    atDrain('health', () => container.get(HEALTH).drain()),
  ]
}

function metricsOf(pool: pg.Pool): Metrics {
  const metrics = new Metrics('notifier')
  const letters = new PostgresDeadLetters(new Sql(pool))
  metrics.gauge('realchat_dead_letters', 'Notifications that were given up and wait for an operator.', () => {
    return letters.count()
  })
  return metrics
}

function healthOf(pool: pg.Pool, redis: RedisClient, consumer: RabbitConsumer): Health {
  return new Health({
    clock: systemClock,
    checks: [
      { name: 'postgres', required: true, check: async () => void (await pool.query('select 1')) },
      { name: 'rabbitmq', required: true, check: async () => void (await consumer.depth()) },
      // Without it pushes go out without the grace that somebody online gets.
      { name: 'redis', required: false, check: async () => void (await redis.ping()) },
    ],
    queueDepth: () => consumer.depth(),
  })
}
