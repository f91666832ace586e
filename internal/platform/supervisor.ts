import { aborted, type Component, pause } from './lifecycle.ts'
import type { Logger } from './logger.ts'
import { OperatorError } from './operator-error.ts'

/** A process that was started; a `ChildProcess` with an IPC channel is one. */
export interface WorkerProcess {
  readonly pid?: number | undefined
  readonly connected: boolean
  send(message: string): unknown
  kill(signal: NodeJS.Signals): unknown
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'exit', listener: (code: number | null, signal: string | null) => void): unknown
}

export interface SupervisorOptions {
  count: number
  /** Starts worker `number`, from 1. */
  start(number: number): WorkerProcess
  logger: Logger
  now?: () => number
  /** Milliseconds before the first restart; doubled by each further one, up to `maxMs`. */
  backOff?: { firstMs: number; maxMs: number; forgottenAfterMs: number }
}

/** What passes between the process that starts workers and each of them. */
export const WORKER_READY = 'ready'
export const WORKER_DRAIN = 'drain'

const BACK_OFF = { firstMs: 200, maxMs: 30_000, forgottenAfterMs: 60_000 }

/**
 * Keeps a number of worker processes running: starts them, starts one that ended again with growing pauses,
 * and lets all drain when it is to stop. Ready once all are; a worker that ends before it has ever been ready
 * ends the whole, as it would end again.
 */
export class Supervisor implements Component {
  readonly name = 'workers'
  readonly #options: SupervisorOptions
  readonly #backOff: { firstMs: number; maxMs: number; forgottenAfterMs: number }
  readonly #now: () => number

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#backOff = options.backOff ?? BACK_OFF
    this.#now = options.now ?? Date.now
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const running = new Set<WorkerProcess>()
    const killAll = () => {
      for (const worker of running) worker.kill('SIGKILL')
    }
    // This process may be told to end at once; workers must not outlive it.
    process.on('exit', killAll)
    const failed = new AbortController()
    const stop = AbortSignal.any([signal, failed.signal])
    let waiting = this.#options.count
    const onReady = () => {
      if (--waiting === 0) ready()
    }
    const keep = async (number: number) => {
      try {
        await this.#keep(number, { running, stop, onReady })
      } catch (error) {
        failed.abort()
        throw error
      }
    }
    const numbers = Array.from({ length: this.#options.count }, (_, index) => index + 1)
    const ends = await Promise.allSettled(numbers.map(keep))
    process.off('exit', killAll)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  /** One worker after another under this number, until `stop`. */
  async #keep(
    number: number,
    { running, stop, onReady }: { running: Set<WorkerProcess>; stop: AbortSignal; onReady: () => void },
  ): Promise<void> {
    const { logger } = this.#options
    let pauseMs = this.#backOff.firstMs
    let wasReady = false
    while (!stop.aborted) {
      const began = this.#now()
      const end = await this.#one(number, running, stop, () => {
        if (!wasReady) onReady()
        wasReady = true
      })
      if (stop.aborted) {
        if (end.code === 0) return
        throw new OperatorError(`worker ${number} did not drain: it ended with ${end.signal ?? end.code}`)
      }
      if (!wasReady)
        throw new OperatorError(`worker ${number} did not start: it ended with ${end.signal ?? end.code}`)
      if (this.#now() - began >= this.#backOff.forgottenAfterMs) pauseMs = this.#backOff.firstMs
      logger.error(
        { worker: number, pid: end.pid, code: end.code, signal: end.signal, pauseMs },
        'worker ended',
      )
      await pause(pauseMs, stop)
      pauseMs = Math.min(2 * pauseMs, this.#backOff.maxMs)
    }
  }

  /** From its start to its end. */
  async #one(number: number, running: Set<WorkerProcess>, stop: AbortSignal, onReady: () => void) {
    const worker = this.#options.start(number)
    running.add(worker)
    const exit = Promise.withResolvers<{ code: number | null; signal: string | null }>()
    worker.on('exit', (code, signal) => exit.resolve({ code, signal }))
    worker.on('message', (message) => {
      if (message === WORKER_READY) onReady()
    })
    const over = new AbortController()
    const drain = aborted(AbortSignal.any([stop, over.signal])).then(() => {
      if (stop.aborted && worker.connected) worker.send(WORKER_DRAIN)
    })
    const end = await exit.promise
    over.abort()
    await drain
    running.delete(worker)
    return { ...end, pid: worker.pid }
  }
}

/**
 * In a worker: aborts when the process that started it says so or is gone. It is told by message, as a signal
 * to the whole group (a terminal's Ctrl-C, a service manager) reaches it besides, and a second one would mean
 * "at once".
 */
export function drainWhenTold(signal: AbortSignal): AbortSignal {
  const told = new AbortController()
  process.on('message', (message) => {
    if (message === WORKER_DRAIN) told.abort()
  })
  if (process.connected) process.once('disconnect', () => told.abort())
  else told.abort()
  return AbortSignal.any([signal, told.signal])
}

/** In a worker: it serves from now on. */
export function tellReady(): void {
  process.send?.(WORKER_READY)
}
