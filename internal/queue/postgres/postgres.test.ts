import { createLogger } from '../../platform/logger.ts'
import { startProxy } from '../../testkit/proxy.ts'
import { testPostgres } from '../../testkit/services.ts'
import { eventQueueContract, type QueueUnderTest } from '../contract/event-queue.contract.ts'
import { Boss, DEAD_QUEUE, NOTIFY_QUEUE } from './boss.ts'
import { PostgresConsumer } from './consumer.ts'
import { PostgresQueueReader } from './depths.ts'
import { PostgresPublisher } from './publisher.ts'

const logger = createLogger({ name: 'test', level: 'silent' })

async function open(): Promise<QueueUnderTest> {
  const { url } = await testPostgres()
  const { hostname, port } = new URL(url)
  const proxy = await startProxy({ host: hostname, port: Number(port || 5432) })
  const through = new URL(url)
  through.port = String(proxy.port)
  const boss = new Boss({ url: through.href, logger })
  const controller = new AbortController()
  const ready = Promise.withResolvers<void>()
  const running = boss.run(controller.signal, ready.resolve)
  await ready.promise
  return {
    kind: 'postgres',
    url,
    publisher: new PostgresPublisher(boss),
    consumer: () => new PostgresConsumer({ boss, logger }),
    reader: new PostgresQueueReader(boss),
    cut: () => proxy.cut(),
    dead: async () => (await boss.get().findJobs(DEAD_QUEUE)).map((job) => job.data),
    removeQueue: () => boss.get().deleteQueue(NOTIFY_QUEUE),
    close: async () => {
      controller.abort()
      await running
      await proxy.close()
    },
  }
}

eventQueueContract('PostgreSQL', open)
