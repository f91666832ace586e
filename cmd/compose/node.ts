import type { Router } from 'express'
import { Container } from 'inversify'
import { LiveAudit } from '../../internal/api/ws/live-audit.ts'
import { SessionEnds } from '../../internal/api/ws/session-ends.ts'
import type { Config } from '../../internal/config/config.ts'
import type { SessionId } from '../../internal/domain/ids.ts'
import { version } from '../../internal/platform/cli.ts'
import { systemClock } from '../../internal/platform/clock.ts'
import { startErrorTracking } from '../../internal/platform/error-tracking.ts'
import type { Health } from '../../internal/platform/health.ts'
import { HttpListener } from '../../internal/platform/http-listener.ts'
import { atDrain, type Component } from '../../internal/platform/lifecycle.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import { Metrics } from '../../internal/platform/metrics.ts'
import { operationsServer } from '../../internal/platform/operations.ts'
import { CLOSE } from '../../internal/realtime/index.ts'
import { PartitionKeeper } from '../../internal/relay/partition-keeper.ts'
import { bindAccount } from './account.ts'
import { bindChat } from './chat.ts'
import { composeCourier } from './courier.ts'
import { bindDoors } from './door.ts'
import { ID } from './identifiers.ts'
import { composeIdentity } from './identity.ts'
import { bindNotifications, mailPages, readNoticesComponent, signInNotices } from './notification.ts'
import { bindQueue } from './queue.ts'
import { bindStores, storesComponent } from './stores.ts'

export interface NodeOptions {
  config: Config
  logger: Logger
  databaseUrl: string
  secretKey: string
  /** Made once the container holds the services: pages that only some processes have. */
  routers?: (container: Container) => Router[]
  /** What else runs in this process; starts after the queue and drains before it. */
  workers?: (container: Container) => Component[]
}

/** An API node: everything bound, and its long-lived parts in the order they start. */
export interface ApiNode {
  container: Container
  components: Component[]
}

export async function createApiNode(options: NodeOptions): Promise<ApiNode> {
  const { config, logger, databaseUrl } = options
  const container = new Container()
  container.bind(ID.config).toConstantValue(config)
  container.bind(ID.logger).toConstantValue(logger)
  container.bind(ID.clock).toConstantValue(systemClock)
  container.bind(ID.databaseUrl).toConstantValue(databaseUrl)
  container.bind(ID.metrics).toConstantValue(new Metrics(config.process, config.workers.number))
  const tracking = await startErrorTracking({
    dsn: config.sentryDsn,
    process: config.process,
    version: version(),
  })
  container.bind(ID.tracking).toConstantValue(tracking)
  bindStores(container)
  bindQueue(container)
  bindIdentity(container, options.secretKey)
  bindChat(container)
  bindNotifications(container)
  bindAccount(container)
  const health = bindDoors(container, [...mailPages(container), ...(options.routers?.(container) ?? [])])
  const workers = options.workers?.(container) ?? []
  workers.push(...ownOperations(container, health))
  return { container, components: componentsOf(container, workers, () => health.drain()) }
}

/** Health and metrics of this process alone, where several share the port. */
function ownOperations(container: Container, health: Health): Component[] {
  const { http, workers } = container.get(ID.config)
  if (workers.operationsPort === null) return []
  const operations = { health, metrics: container.get(ID.metrics), version: version() }
  const listen = { host: http.host, port: workers.operationsPort }
  return [new HttpListener(operationsServer(operations), listen, container.get(ID.logger))]
}

function bindIdentity(container: Container, secretKey: string): void {
  const { tokens, http, passwords } = container.get(ID.config)
  const courier = composeCourier({
    config: container.get(ID.config),
    pool: container.get(ID.pool),
    clock: container.get(ID.clock),
    logger: container.get(ID.logger),
  })
  container.bind(ID.courier).toConstantValue(courier)
  container.bind(ID.identity).toConstantValue(
    composeIdentity({
      pool: container.get(ID.pool),
      clock: container.get(ID.clock),
      secretKey,
      publicUrl: http.publicUrl,
      accessTtlMs: tokens.accessTtlMs,
      refreshTtlMs: tokens.refreshTtlMs,
      passwords,
      cache: container.get(ID.sessionCache),
      limiter: container.get(ID.limiter),
      courier,
      events: { sessionsEnded: (ids) => closeSockets(container, ids) },
      onBlocksChanged: (userId) => container.get(ID.live).blocksChanged(userId),
      onStrangeSignIn: signInNotices(container),
    }),
  )
}

function* openSessions(container: Container): Iterable<SessionId> {
  for (const { actor } of container.get(ID.realtime).connections) yield actor.sessionId
}

function closeSockets(container: Container, ids: readonly SessionId[]): void {
  const ended = new Set(ids)
  container.get(ID.realtime).closeWhere((actor) => ended.has(actor.sessionId), CLOSE.sessionEnded)
}

/** Stores first and doors last, so that draining goes from the doors inwards. */
function componentsOf(container: Container, further: Component[], drain: () => void): Component[] {
  const { http, workers } = container.get(ID.config)
  const listen = { host: http.host, port: http.port, reusePort: workers.number !== null }
  const logger = container.get(ID.logger)
  const relay = container.get(ID.relay)
  const warn = (part: string) => (error: unknown) => logger.warn({ err: error }, part)
  return [
    storesComponent(container.get(ID.dependencies)),
    atDrain('error-tracking', () => container.get(ID.tracking).close()),
    ...container.get(ID.queueComponents),
    readNoticesComponent(container),
    ...further,
    new PartitionKeeper(container.get(ID.logPartitions), warn('log partitions')),
    relay.archive,
    relay.events,
    container.get(ID.batchingBus),
    new LiveAudit({
      live: container.get(ID.liveRooms),
      log: container.get(ID.messageLog),
      membershipsOf: (actor) => container.get(ID.conversations).memberships(actor),
      onError: warn('live audit'),
    }),
    atDrain('work', () => finishWork(container)),
    ...container.get(ID.accountComponents),
    container.get(ID.scheduledSender),
    atDrain('presence-signals', () => container.get(ID.presenceSignals).drained()),
    container.get(ID.presence),
    container.get(ID.courier),
    new SessionEnds({
      sessions: container.get(ID.identity).sessions,
      open: () => openSessions(container),
      close: (ids) => closeSockets(container, ids),
      onError: warn('session ends'),
      now: () => container.get(ID.clock).now(),
    }),
    container.get(ID.load),
    new HttpListener(container.get(ID.httpServer), listen, logger),
    container.get(ID.realtime),
    // Drains first: balancers are told before anything closes.
    atDrain('health', drain),
  ]
}

/** Whatever was accepted is finished: sends are committed, pointers are stored and their moves written down. */
async function finishWork(container: Container): Promise<void> {
  await container.get(ID.appender).drained()
  await container.get(ID.pointerCommits).drained()
  await container.get(ID.receiptJournal).drained()
}
