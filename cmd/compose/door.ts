import { createServer } from 'node:http'
import { Router } from 'express'
import type { Container } from 'inversify'
import { clientAddress, trustProxies } from '../../internal/api/client-address.ts'
import { createHttpApp } from '../../internal/api/http/app.ts'
import { messageChangeRoutes } from '../../internal/api/http/message-changes.ts'
import { forwardRoutes, messageListRoutes } from '../../internal/api/http/message-lists.ts'
import { messageRoutes } from '../../internal/api/http/messages.ts'
import { observeHttp, operationsRouter } from '../../internal/api/http/operations.ts'
import { receiptRoutes } from '../../internal/api/http/receipts.ts'
import type { Route } from '../../internal/api/http/route.ts'
import { scheduledRoutes } from '../../internal/api/http/scheduled.ts'
import { syncRoutes } from '../../internal/api/http/sync.ts'
import { refusalOf } from '../../internal/api/problem.ts'
import { chatTopicDefinition } from '../../internal/api/ws/chat-topic.ts'
import { inboxTopicDefinition } from '../../internal/api/ws/inbox-topic.ts'
import { SocketLimits } from '../../internal/api/ws/socket-limits.ts'
import { upgradeAuthenticator } from '../../internal/api/ws/upgrade.ts'
import { DomainError } from '../../internal/domain/errors.ts'
import { type Actor, SCOPES } from '../../internal/domain/user.ts'
import { version } from '../../internal/platform/cli.ts'
import { Health } from '../../internal/platform/health.ts'
import { Load } from '../../internal/platform/load.ts'
import { RealtimeServer, TopicRegistry } from '../../internal/realtime/index.ts'
import { waitingOf } from './account.ts'
import { ID } from './identifiers.ts'
import { bindSocketMetrics } from './socket-metrics.ts'

/** Everything a client can call: REST routes, sockets, health and metrics. */
export function bindDoors(container: Container, routers: readonly Router[]): Health {
  const health = new Health({
    checks: [
      ...container.get(ID.dependencies),
      { name: 'log-partitions', required: false, check: () => container.get(ID.logPartitions).check() },
      { name: 'log-relay', required: false, check: () => container.get(ID.relayLog).check() },
    ],
    clock: container.get(ID.clock),
    openWebSockets: () => container.get(ID.realtime).size,
    queueDepth: async () => waitingOf(await container.get(ID.queueReader).depths()),
  })
  const metrics = container.get(ID.metrics)
  metrics.addHealth(health)
  metrics.gauge('realchat_live_healed', 'Messages that the log delivered in place of the bus.', () => {
    return container.get(ID.liveRooms).healed
  })
  metrics.gauge('realchat_receipt_times_lost', 'Receipts let go without their times.', () => {
    return container.get(ID.receiptJournal).lost
  })
  for (const follower of ['archive', 'events'] as const) {
    metrics.gauge(`realchat_relay_${follower}_backlog`, 'Committed rows not yet relayed.', async () => {
      const lanes = await container.get(ID.relayLog).backlog(follower)
      return lanes.reduce((sum, lane) => sum + lane.rows, 0)
    })
  }
  const observe = Router().use(observeHttp(metrics))
  container
    .bind(ID.load)
    .toResolvedValue((hub) => new Load({ lateMs: () => hub.lateMs }), [ID.hub])
    .inSingletonScope()
  bindSocketMetrics(container)
  const topics = topicsOf(container)
  const open = [observe, operationsRouter({ health, metrics, version: version() }), ...routers]
  bindHttp(container, topics, open)
  bindRealtime(container, topics)
  return health
}

/** Every REST route there is. */
export function routesOf(container: Container): Route[] {
  return [
    ...container.get(ID.identity).routes,
    ...container.get(ID.accountRoutes),
    ...container.get(ID.conversationServices).routes,
    ...messageRoutes(container.get(ID.messages)),
    ...messageChangeRoutes(container.get(ID.messageChanges)),
    ...messageListRoutes(container.get(ID.messageLists), container.get(ID.history)),
    ...forwardRoutes(container.get(ID.forwarding)),
    ...scheduledRoutes(container.get(ID.schedules)),
    ...receiptRoutes(container.get(ID.receipts)),
    ...syncRoutes(container.get(ID.sync)),
    ...container.get(ID.notifications).routes,
  ]
}

function bindHttp(container: Container, topics: TopicRegistry<Actor>, routers: readonly Router[]): void {
  const { http } = container.get(ID.config)
  const tracking = container.get(ID.tracking)
  const app = createHttpApp({
    routes: routesOf(container),
    topics: topics.all(),
    authenticator: container.get(ID.identity).authenticator,
    limiter: container.get(ID.limiter),
    logger: container.get(ID.logger),
    clock: container.get(ID.clock),
    version: version(),
    publicUrl: http.publicUrl,
    corsOrigins: http.corsOrigins,
    trustedProxies: http.trustedProxies,
    routers,
    refusesWork: () => container.get(ID.load).refusesWork(),
    report: (error) => tracking.report(error),
  })
  container.bind(ID.httpServer).toConstantValue(createServer(app))
}

/** Every topic that sockets can join. */
export function topicsOf(container: Container): TopicRegistry<Actor> {
  const { users } = container.get(ID.identity)
  const shared = { conversations: container.get(ID.conversations), live: container.get(ID.liveRooms) }
  return new TopicRegistry<Actor>()
    .add(
      chatTopicDefinition({
        ...shared,
        history: container.get(ID.history),
        messages: container.get(ID.messages),
        changes: container.get(ID.messageChanges),
        typing: {
          access: container.get(ID.access),
          publisher: container.get(ID.live),
          now: container.get(ID.clock).now,
        },
        receipts: container.get(ID.receipts),
      }),
    )
    .add(inboxTopicDefinition({ ...shared, sync: container.get(ID.sync), users }))
}

function bindRealtime(container: Container, topics: TopicRegistry<Actor>): void {
  const { http, rateLimitScale } = container.get(ID.config)
  const logger = container.get(ID.logger)
  const limits = new SocketLimits(
    container.get(ID.clock),
    rateLimitScale,
    container.get(ID.load),
    container.get(ID.appender),
  )
  const identity = container.get(ID.identity)
  const presence = container.get(ID.presence)
  const trust = trustProxies(http.trustedProxies)
  const origins = new Set([...http.corsOrigins, new URL(http.publicUrl).origin])
  const scopes = new Map<string, (typeof SCOPES)[number]>(SCOPES.map((scope) => [scope, scope]))
  container.bind(ID.realtime).toConstantValue(
    new RealtimeServer<Actor>({
      http: container.get(ID.httpServer),
      registry: topics,
      hub: container.get(ID.hub),
      authenticate: upgradeAuthenticator(identity.authenticator),
      keyOf: (actor) => actor.userId,
      // What is not meant for clients is a crash: the channel ends, the socket lives.
      toRefusal: (error) => (error instanceof DomainError ? refusalOf(error) : null),
      onError: (error, where) => {
        logger.error({ err: error, ...where }, 'socket handler failed')
        container.get(ID.tracking).report(error)
      },
      allowOrigin: (origin) => origins.has(origin),
      addressOf: (request) => clientAddress(request, trust),
      allowScope: (actor, scope) => {
        const known = scopes.get(scope)
        return known !== undefined && actor.scopes.has(known)
      },
      // Neither rejects: what the store could not be told, it is told again.
      onConnect: ({ actor }) => void presence.connected(actor.userId),
      onDisconnect: ({ actor }) => void presence.disconnected(actor.userId),
      nodeId: container.get(ID.nodeId),
      admit: ({ actor }, _topic, event) => limits.push(actor.userId, event),
      shed: (address) => limits.upgrade(address),
      limits: limits.sockets,
    }),
  )
}
