import { describe, expect, it } from '@jest/globals'
import { Health, type HealthCheck } from './health.ts'

function check(name: string, required: boolean, work: HealthCheck['check'] = async () => {}): HealthCheck {
  return { name, required, check: work }
}

const refused = async () => {
  throw Object.assign(new Error('connect 10.0.0.1'), { code: 'ECONNREFUSED' })
}

describe('health', () => {
  it('is up when all are, with a row per dependency', async () => {
    const clock = { now: () => 5 }
    const health = new Health({
      checks: [check('postgres', true)],
      clock,
      openWebSockets: () => 3,
      queueDepth: async () => 7,
    })
    expect(await health.report()).toEqual({
      status: 'up',
      dependencies: [{ name: 'postgres', required: true, status: 'up', latencyMs: 0, reason: null }],
      openWebSockets: 3,
      queueDepth: 7,
    })
  })

  it('is down by a required one, degraded by another, and names the code, not the message', async () => {
    const clock = { now: () => 0 }
    const down = await new Health({ checks: [check('postgres', true, refused)], clock }).report()
    expect(down.status).toBe('down')
    expect(down.dependencies[0]?.reason).toBe('ECONNREFUSED')
    const degraded = await new Health({ checks: [check('redis', false, refused)], clock }).report()
    expect(degraded.status).toBe('degraded')
  })

  it('gives up on a check that hangs, aborts it, and does not start it twice', async () => {
    let now = 0
    const signals: AbortSignal[] = []
    const hangs = check('cassandra', true, (signal) => {
      signals.push(signal)
      return new Promise(() => {})
    })
    const health = new Health({ checks: [hangs], clock: { now: () => now }, timeoutMs: 10 })
    expect((await health.report()).dependencies[0]).toMatchObject({ status: 'down', reason: 'timeout' })
    now += 1000
    expect((await health.report()).dependencies[0]).toMatchObject({ status: 'down', reason: 'timeout' })
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
  })

  it('asks once for a storm of probes, and again after a second', async () => {
    let now = 0
    let asked = 0
    const counting = check('postgres', true, async () => {
      asked++
    })
    const health = new Health({ checks: [counting], clock: { now: () => now } })
    await Promise.all(Array.from({ length: 1000 }, () => health.report()))
    now = 999
    await health.report()
    expect(asked).toBe(1)
    now = 1000
    await health.report()
    expect(asked).toBe(2)
  })

  it('lets who asks during a slow round share it, rather than call it down', async () => {
    let now = 0
    const answer = Promise.withResolvers<void>()
    const slow = check('postgres', true, () => answer.promise)
    const health = new Health({ checks: [slow], clock: { now: () => now } })
    const first = health.report()
    now = 1500
    const second = health.report()
    answer.resolve()
    expect((await first).status).toBe('up')
    expect((await second).status).toBe('up')
  })

  it('says null for a queue that cannot be asked, and draining once told', async () => {
    const health = new Health({ checks: [], clock: { now: () => 0 }, queueDepth: refused })
    expect(await health.report()).toMatchObject({ status: 'up', queueDepth: null, openWebSockets: null })
    health.drain()
    expect((await health.report()).status).toBe('draining')
  })
})
