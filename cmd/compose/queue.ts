import type { Container } from 'inversify'
import { Boss } from '../../internal/queue/postgres/boss.ts'
import { PostgresPublisher } from '../../internal/queue/postgres/publisher.ts'
import { RabbitPublisher } from '../../internal/queue/rabbitmq/publisher.ts'
import { ID } from './identifiers.ts'

/** Binds where the relay publishes events: RabbitMQ, or in standalone PostgreSQL. Answers the latter's queue. */
export function bindQueue(container: Container): Boss | null {
  const { rabbitmq } = container.get(ID.config)
  const logger = container.get(ID.logger)
  if (rabbitmq.kind === 'external') {
    const publisher = new RabbitPublisher({ url: rabbitmq.url, logger })
    container.bind(ID.events).toConstantValue(publisher)
    container.bind(ID.queueComponents).toConstantValue([publisher])
    return null
  }
  const boss = new Boss({ url: container.get(ID.databaseUrl), logger })
  container.bind(ID.events).toConstantValue(new PostgresPublisher(boss))
  container.bind(ID.queueComponents).toConstantValue([boss])
  return boss
}
