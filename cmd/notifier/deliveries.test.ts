import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import { eventually } from '../../internal/testkit/eventually.ts'
import { NotifyRun } from '../../internal/testkit/notify-run.ts'
import { testPostgres, testRabbitmq, testRedis } from '../../internal/testkit/services.ts'

const EVENTS = 300

// What bounds it from below: a claim of a killed notifier and the first rung of the ladder, 5 s each.
it('delivers what was decided once, or says why not, whatever FCM answers and whoever is killed', async () => {
  const run = await NotifyRun.start(await environment(), Math.random, { hangs: false })
  await run.publish(EVENTS / 2)
  await eventually(() => expect(run.fcm.requests.length).toBeGreaterThan(20))
  await run.killNotifier(0)
  await run.publish(EVENTS / 2)
  await eventually(() => expect(run.fcm.requests.length).toBeGreaterThan(EVENTS * 0.9))
  await run.publishAgain()
  await sleep(Math.random() * 200)
  await run.killNotifier(1)
  await eventually(async () => expect(await run.settled()).toBe(true), { withinMs: 80_000 })
  const counts = await run.counts()
  process.stdout.write(`deliveries: ${JSON.stringify(counts)}\n`)
  expect(counts).toMatchObject({ wanted: EVENTS, unexplained: 0, early: 0, lost: 0 })
  expect(counts.deliveredOnce + counts.deliveredAgain + counts.dead).toBe(EVENTS)
  expect(counts.dead).toBeGreaterThan(0)
  await run.close()
}, 120_000)

async function environment(): Promise<Record<string, string>> {
  const [postgres, rabbitmq, redis] = await Promise.all([testPostgres(), testRabbitmq(), testRedis()])
  return {
    DATABASE_URL: postgres.url,
    CASSANDRA_CONTACT_POINTS: '127.0.0.1',
    REDIS_URL: redis.url,
    REDIS_PREFIX: redis.prefix,
    RABBITMQ_URL: rabbitmq.url,
    PUSH_CLAIM_LEASE: '5s',
    HOST: '127.0.0.1',
    PORT: '0',
  }
}
