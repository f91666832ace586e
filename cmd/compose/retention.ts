import type { Container } from 'inversify'
import type { Component } from '../../internal/platform/lifecycle.ts'
import { repeating } from '../../internal/platform/repeating.ts'
import { ExpiredMessages } from '../../internal/repository/postgres/expired-messages.ts'
import { PostgresRetention } from '../../internal/repository/postgres/retention.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { Retention } from '../../internal/service/retention/retention.ts'
import { ID } from './identifiers.ts'

const PACE_MS = 50
const IDLE_MS = 60_000

/** Finds messages whose time is over, and removes what nobody can see any more: at every node, in turns. */
export function retentionComponents(container: Container): Component[] {
  const logger = container.get(ID.logger)
  const retention = new Retention({
    store: new PostgresRetention(new Sql(container.get(ID.pool))),
    archive: container.get(ID.archive),
    remover: container.get(ID.archiveRemover),
    days: container.get(ID.config).retention,
    now: container.get(ID.clock).now,
  })
  const job = (name: string, work: () => Promise<boolean>) =>
    repeating({
      name,
      work,
      onError: (error) => logger.warn({ err: error }, name),
      idleMs: IDLE_MS,
      paceMs: PACE_MS,
    })
  const jobs = [job('retention', () => retention.look()), job('purges', () => retention.purge())]
  // Rows of Cassandra have their time to live.
  if (container.get(ID.config).cassandra.kind === 'external') return jobs
  const expired = new ExpiredMessages(new Sql(container.get(ID.logPool)), container.get(ID.clock).now)
  return [...jobs, job('expired-messages', () => expired.remove())]
}
