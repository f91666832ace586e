import type { Container } from 'inversify'
import { adminStatsRoutes } from '../../internal/api/http/admin-stats.ts'
import { PostgresStats } from '../../internal/repository/postgres/admin-stats.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import type { QueueDepth } from '../../internal/service/admin/ports.ts'
import { StatsService } from '../../internal/service/admin/stats.ts'
import { ID } from './identifiers.ts'

/** Binds what accounts and their administration need of everything else; last. */
export function bindAccount(container: Container): void {
  const stats = new StatsService({
    reader: new PostgresStats(new Sql(container.get(ID.pool))),
    queues: container.get(ID.queueReader),
    clock: container.get(ID.clock),
    sockets: () => container.get(ID.realtime).size,
    backlog: async (follower) => {
      const lanes = await container.get(ID.relayLog).backlog(follower)
      return lanes.reduce((sum, { rows }) => sum + rows, 0)
    },
  })
  container.bind(ID.accountRoutes).toConstantValue(adminStatsRoutes(stats))
}

/** What `/health/ready` calls the queue's depth: what could be done now, and is not. */
export function waitingOf(depths: readonly QueueDepth[]): number {
  return depths.reduce((sum, { kind, messages }) => (kind === 'work' ? sum + messages : sum), 0)
}
