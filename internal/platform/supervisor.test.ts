import { EventEmitter } from 'node:events'
import { expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { createLogger } from './logger.ts'
import { Supervisor, WORKER_DRAIN, WORKER_READY, type WorkerProcess } from './supervisor.ts'

class StandIn extends EventEmitter implements WorkerProcess {
  readonly number: number
  readonly connected = true
  readonly told: string[] = []

  constructor(number: number) {
    super()
    this.number = number
  }

  send(message: string): void {
    this.told.push(message)
  }

  kill(signal: string): void {
    this.end(null, signal)
  }

  ready(): this {
    this.emit('message', WORKER_READY)
    return this
  }

  end(code: number | null, signal: string | null = null): void {
    this.emit('exit', code, signal)
  }
}

function supervise(count: number) {
  const time = { now: 0 }
  const started: StandIn[] = []
  const pauses: unknown[] = []
  const write = (line: string) => pauses.push(JSON.parse(line).pauseMs)
  const stop = new AbortController()
  const seen = { ready: false }
  const supervisor = new Supervisor({
    count,
    start: (number) => {
      const worker = new StandIn(number)
      started.push(worker)
      return worker
    },
    logger: createLogger({ name: 'test', level: 'error', destination: { write } }),
    now: () => time.now,
    backOff: { firstMs: 1, maxMs: 8, forgottenAfterMs: 1000 },
  })
  const run = supervisor.run(stop.signal, () => {
    seen.ready = true
  })
  const nth = async (index: number) => {
    await eventually(() => expect(started.length).toBeGreaterThan(index))
    const worker = started[index]
    if (!worker) throw new Error('unreachable')
    return worker
  }
  return { time, started, pauses, stop, seen, run, nth }
}

it('is ready when all are, and done when all have drained', async () => {
  const { started, stop, seen, run } = supervise(2)
  expect(started.map(({ number }) => number)).toEqual([1, 2])
  started[0]?.ready()
  expect(seen.ready).toBe(false)
  started[1]?.ready()
  expect(seen.ready).toBe(true)
  stop.abort()
  await eventually(() => expect(started.map(({ told }) => told)).toEqual([[WORKER_DRAIN], [WORKER_DRAIN]]))
  for (const worker of started) worker.end(0)
  await run
})

it('starts one that ended again, under its number, with pauses that grow and are forgotten', async () => {
  const { time, started, pauses, stop, run, nth } = supervise(1)
  for (let n = 0; n < 5; n++) (await nth(n)).ready().end(null, 'SIGKILL')
  const sixth = (await nth(5)).ready()
  time.now = 1000
  sixth.end(1)
  const seventh = await nth(6)
  expect(started.map(({ number }) => number)).toEqual([1, 1, 1, 1, 1, 1, 1])
  expect(pauses).toEqual([1, 2, 4, 8, 8, 1])
  stop.abort()
  seventh.end(0)
  await run
})

it('gives up when one cannot start, after the others have drained', async () => {
  const { started, run } = supervise(2)
  started[0]?.ready()
  started[1]?.end(2)
  await eventually(() => expect(started[0]?.told).toEqual([WORKER_DRAIN]))
  started[0]?.end(0)
  await expect(run).rejects.toThrow('worker 2 did not start')
  expect(started).toHaveLength(2)
})

it('says so when one did not drain', async () => {
  const { started, stop, run } = supervise(1)
  started[0]?.ready()
  stop.abort()
  started[0]?.end(1)
  await expect(run).rejects.toThrow('worker 1 did not drain')
})
