import type { Container } from 'inversify'
import { Boss } from '../../internal/queue/postgres/boss.ts'
import { PostgresConsumer } from '../../internal/queue/postgres/consumer.ts'
import { PostgresQueueReader } from '../../internal/queue/postgres/depths.ts'
import { PostgresPublisher } from '../../internal/queue/postgres/publisher.ts'
import { RabbitConsumer } from '../../internal/queue/rabbitmq/consumer.ts'
import { RabbitQueueReader } from '../../internal/queue/rabbitmq/depths.ts'
import { RabbitPublisher } from '../../internal/queue/rabbitmq/publisher.ts'
import { ID } from './identifiers.ts'

/** Binds where the relay publishes events and a notifier takes them: RabbitMQ, or in standalone PostgreSQL. */
export function bindQueue(container: Container): void {
  const { rabbitmq } = container.get(ID.config)
  const logger = container.get(ID.logger)
  if (rabbitmq.kind === 'external') {
    const publisher = new RabbitPublisher({ url: rabbitmq.url, logger })
    container.bind(ID.events).toConstantValue(publisher)
    container.bind(ID.consumer).toResolvedValue(() => new RabbitConsumer({ url: rabbitmq.url, logger }))
    container.bind(ID.retryQueue).toConstantValue(publisher)
    const reader = new RabbitQueueReader(publisher)
    container.bind(ID.queueReader).toConstantValue(reader)
    container.get(ID.dependencies).push({
      name: 'rabbitmq',
      // Without it events wait in the log.
      required: false,
      check: async () => void (await reader.depths()),
      // The publisher closes itself, as a component.
      close: async () => {},
    })
    container.bind(ID.queueComponents).toConstantValue([publisher])
    return
  }
  const boss = new Boss({ url: container.get(ID.databaseUrl), logger })
  const publisher = new PostgresPublisher(boss)
  container.bind(ID.events).toConstantValue(publisher)
  container.bind(ID.retryQueue).toConstantValue(publisher)
  container.bind(ID.consumer).toResolvedValue(() => new PostgresConsumer({ boss, logger }))
  container.bind(ID.queueReader).toConstantValue(new PostgresQueueReader(boss))
  container.bind(ID.queueComponents).toConstantValue([boss])
}
