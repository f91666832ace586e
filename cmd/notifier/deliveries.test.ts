import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import { clusterEnvironment } from '../../internal/testkit/binary.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import { NotifyRun } from '../../internal/testkit/notify-run.ts'

const EVENTS = 1000

// The lease of a claim (30 s) bounds it from below: what a killed notifier held is sent again after that.
it('delivers what was decided once, or says why not, whatever FCM answers and whoever is killed', async () => {
  const run = await NotifyRun.start(await clusterEnvironment(), Math.random)
  await run.publish(EVENTS / 2)
  await eventually(() => expect(run.fcm.requests.length).toBeGreaterThan(100))
  await run.killNotifier(0)
  await run.publish(EVENTS / 2)
  await sleep(Math.random() * 200)
  await run.killNotifier(1)
  await eventually(async () => expect(await run.settled()).toBe(true), { withinMs: 80_000 })
  const counts = await run.counts()
  process.stdout.write(`deliveries: ${JSON.stringify(counts)}\n`)
  expect(counts).toMatchObject({ wanted: EVENTS, unexplained: 0, lost: 0 })
  expect(counts.deliveredOnce + counts.deliveredAgain + counts.dead).toBe(EVENTS)
  expect(counts.dead).toBeGreaterThan(0)
  await run.close()
}, 120_000)
