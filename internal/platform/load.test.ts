import { afterEach, expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { LOAD_RETRY_MS, Load, type LoadSample } from './load.ts'

const stop = new AbortController()
let running: Promise<void> | null = null
afterEach(async () => {
  stop.abort()
  await running
})

it('turns newcomers away before work, by lag and by memory, and lets them in again', async () => {
  let sample: LoadSample = { lagMs: 0, memory: 0 }
  const limits = { newcomers: { lagMs: 100, memory: 0.5 }, work: { lagMs: 1000, memory: 0.9 } }
  const load = new Load({ thresholds: limits, sample: () => sample })
  running = load.run(stop.signal, () => {})
  const refuses = () => [load.refusesNewcomers(), load.refusesWork()]
  const cases: [LoadSample, (number | null)[]][] = [
    [{ lagMs: 101, memory: 0 }, [LOAD_RETRY_MS, null]],
    [{ lagMs: 100, memory: 0.5 }, [null, null]],
    [{ lagMs: 0, memory: 0.6 }, [LOAD_RETRY_MS, null]],
    [{ lagMs: 1001, memory: 0 }, [LOAD_RETRY_MS, LOAD_RETRY_MS]],
    [{ lagMs: 0, memory: 0.95 }, [LOAD_RETRY_MS, LOAD_RETRY_MS]],
    [{ lagMs: 0, memory: 0 }, [null, null]],
  ]
  for (const [given, expected] of cases) {
    sample = given
    await eventually(() => expect(refuses()).toEqual(expected))
  }
})

it('sees that this process is kept busy', async () => {
  const limits = { newcomers: { lagMs: 50, memory: 2 }, work: { lagMs: 1e9, memory: 2 } }
  const load = new Load({ thresholds: limits })
  const own = new AbortController()
  const run = load.run(own.signal, () => {})
  const busy = setInterval(() => {
    const until = performance.now() + 150
    while (performance.now() < until);
  }, 0)
  await eventually(() => expect(load.level).toBe('no newcomers'))
  clearInterval(busy)
  await eventually(() => expect(load.level).toBe('normal'))
  own.abort()
  await run
})

it('goes by work that gives way to other work, too', async () => {
  let lateMs = 0
  const load = new Load({ sample: () => ({ lagMs: 0, memory: 0 }), lateMs: () => lateMs })
  const own = new AbortController()
  const run = load.run(own.signal, () => {})
  lateMs = 300
  await eventually(() => expect(load.level).toBe('no newcomers'))
  lateMs = 1500
  await eventually(() => expect(load.level).toBe('no work'))
  lateMs = 0
  await eventually(() => expect(load.level).toBe('normal'))
  own.abort()
  await run
})
