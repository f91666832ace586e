// A consumer that takes a batch, says so, and never settles it: for a test to kill.
// Usage: node queue-holder.ts rabbitmq|postgres <url>
import { createLogger } from '../platform/logger.ts'
import { Boss } from '../queue/postgres/boss.ts'
import { PostgresConsumer } from '../queue/postgres/consumer.ts'
import { RabbitConsumer } from '../queue/rabbitmq/consumer.ts'

const [kind, url = ''] = process.argv.slice(2)
const logger = createLogger({ name: 'holder', level: 'silent' })
const { signal } = new AbortController()

async function consumer() {
  if (kind === 'rabbitmq') return new RabbitConsumer({ url, logger })
  const boss = new Boss({ url, logger })
  await new Promise<void>((resolve, reject) => {
    boss.run(signal, resolve).catch(reject)
  })
  return new PostgresConsumer({ boss, logger })
}

const held = () => {
  process.stdout.write('held\n')
  return new Promise<never>(() => {})
}
await (await consumer()).consume(held, signal, () => process.stdout.write('ready\n'))
