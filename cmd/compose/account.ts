import type { Container } from 'inversify'
import { exportRoutes } from '../../internal/api/http/account.ts'
import { adminStatsRoutes } from '../../internal/api/http/admin-stats.ts'
import type { Component } from '../../internal/platform/lifecycle.ts'
import { repeating } from '../../internal/platform/repeating.ts'
import { PostgresAccountCloser } from '../../internal/repository/postgres/account.ts'
import { PostgresStats } from '../../internal/repository/postgres/admin-stats.ts'
import { PostgresErasures } from '../../internal/repository/postgres/erasures.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { AuthoredMessages } from '../../internal/service/account/authored.ts'
import { Erasures } from '../../internal/service/account/erasures.ts'
import type { QueueDepth } from '../../internal/service/admin/ports.ts'
import { StatsService } from '../../internal/service/admin/stats.ts'
import { composeExport } from './account-export.ts'
import { ID } from './identifiers.ts'
import { retentionComponents } from './retention.ts'

const ERASURE_IDLE_MS = 2000
const ERASURE_PACE_MS = 20

/** Binds what accounts and their administration need of everything else; last. */
export function bindAccount(container: Container): void {
  const exported = composeExport({
    pool: container.get(ID.pool),
    identity: container.get(ID.identity),
    conversations: container.get(ID.conversations),
    authored: authoredOf(container),
    now: container.get(ID.clock).now,
  })
  container
    .bind(ID.accountRoutes)
    .toConstantValue([...adminStatsRoutes(statsOf(container)), ...exportRoutes(exported)])
  container
    .bind(ID.accountComponents)
    .toConstantValue([erasureComponent(container), ...retentionComponents(container)])
}

function statsOf(container: Container): StatsService {
  return new StatsService({
    reader: new PostgresStats(new Sql(container.get(ID.pool))),
    queues: container.get(ID.queueReader),
    clock: container.get(ID.clock),
    sockets: () => container.get(ID.realtime).size,
    backlog: async (follower) => {
      const lanes = await container.get(ID.relayLog).backlog(follower)
      return lanes.reduce((sum, { rows }) => sum + rows, 0)
    },
  })
}

function authoredOf(container: Container): AuthoredMessages {
  return new AuthoredMessages(
    container.get(ID.messageLog),
    container.get(ID.archive),
    container.get(ID.clock).now,
  )
}

function erasureComponent(container: Container): Component {
  const sql = new Sql(container.get(ID.pool))
  const { changer } = container.get(ID.conversationServices)
  const logger = container.get(ID.logger)
  const erasures = new Erasures({
    queue: new PostgresErasures(sql),
    authored: authoredOf(container),
    successors: new PostgresAccountCloser(sql),
    change: (request, decide) => changer.change(request, decide),
    erase: (conversationId, userId, seq) =>
      container.get(ID.messageChanges).eraseAuthored(conversationId, userId, seq),
  })
  return repeating({
    name: 'erasures',
    work: () => erasures.step(),
    onError: (error) => logger.warn({ err: error }, 'erasures'),
    idleMs: ERASURE_IDLE_MS,
    paceMs: ERASURE_PACE_MS,
  })
}

/** What `/health/ready` calls the queue's depth: what could be done now, and is not. */
export function waitingOf(depths: readonly QueueDepth[]): number {
  return depths.reduce((sum, { kind, messages }) => (kind === 'work' ? sum + messages : sum), 0)
}
