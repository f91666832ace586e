import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import { clusterEnvironment } from '../../internal/testkit/binary.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import { NotifyRun } from '../../internal/testkit/notify-run.ts'
import { canOwn, type OwnStore, ownRabbitmq } from '../../internal/testkit/own-stores.ts'

const EVENTS = Number(process.env['SOAK_EVENTS'] ?? 10_000)
const SETTLED_MS = 600_000

/** Now a notifier, now the broker. */
async function fault(run: NotifyRun, broker: OwnStore, number: number): Promise<void> {
  if (number % 4 < 3) return run.killNotifier(number % 2)
  await broker.kill()
  await sleep(Math.random() * 3000)
  await broker.restart()
}

const test = canOwn('rabbitmq') ? it : it.skip
test('delivers what was decided once, or says why not, with the broker killed as well', async () => {
  const broker = await ownRabbitmq()
  const run = await NotifyRun.start(await clusterEnvironment(), Math.random)
  const publishing = { over: false }
  const published = (async () => {
    for (let left = EVENTS; left > 0; left -= 100) {
      await run.publish(Math.min(left, 100))
      await run.publishAgain()
      await sleep(300)
    }
    publishing.over = true
  })()
  for (let number = 0; !publishing.over; number++) {
    await sleep(1000 + Math.random() * 4000)
    await fault(run, broker, number)
  }
  await published
  await eventually(async () => expect(await run.settled()).toBe(true), { withinMs: SETTLED_MS })
  const counts = await run.counts()
  process.stdout.write(`deliveries: ${JSON.stringify(counts)}\n`)
  expect(counts).toMatchObject({ wanted: EVENTS, unexplained: 0, early: 0, lost: 0 })
  expect(counts.deliveredOnce + counts.deliveredAgain + counts.dead).toBe(EVENTS)
  await run.close()
}, 1_200_000)
