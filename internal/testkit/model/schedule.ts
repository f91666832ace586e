import type { Random } from './random.ts'

interface Timer {
  at: number
  fire(): void
}

interface Parked {
  resume(): void
  /** Rarely chosen: what it belongs to stalls. */
  isSlow: boolean
}

/** 2026-01-01. */
const START_MS = 1_767_225_600_000
const SLOW = 0.15

const real = { setTimeout, clearTimeout, setImmediate, now: Date.now, stackTraceLimit: Error.stackTraceLimit }

/**
 * Decides what happens next: all that waits for a store is parked here and resumed in an order that the seed
 * makes. Time is virtual and moves only when it is told to, so that the code that runs in the model keeps its
 * own timers and clock.
 */
export class Schedule {
  readonly random: Random
  nowMs = START_MS
  #parked: Parked[] = []
  #timers: Timer[] = []
  #immediates: (() => void)[] = []

  constructor(random: Random) {
    this.random = random
  }

  /** Puts this schedule's clock and timers in the place of the process's own. */
  install(): void {
    const start = (fire: () => void, ms = 0) => {
      const timer = { at: this.nowMs + ms, fire }
      this.#timers.push(timer)
      return timer
    }
    const stop = (timer: unknown) => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
    const soon = (work: () => void) => this.#immediates.push(work)
    Object.assign(globalThis, { setTimeout: start, clearTimeout: stop, setImmediate: soon })
    Date.now = () => this.nowMs
    // Faults are many here, and their stacks cost more than all else.
    Error.stackTraceLimit = 0
  }

  static uninstall(): void {
    const { now, stackTraceLimit, ...timers } = real
    Error.stackTraceLimit = stackTraceLimit
    Object.assign(globalThis, timers)
    Date.now = now
  }

  /** Returns when it is this caller's turn; often at once. */
  turn(): Promise<void> | undefined {
    if (this.random.chance(0.3)) return undefined
    return new Promise((resume) => this.#parked.push({ resume, isSlow: this.random.chance(SLOW) }))
  }

  /** Lets everything run that waits for nothing here. */
  async settle(): Promise<void> {
    do {
      for (const work of this.#immediates.splice(0)) work()
      // Ticks come after all microtasks, and cost less than a round of the event loop.
      await new Promise((resolve) => process.nextTick(resolve))
    } while (this.#immediates.length > 0)
  }

  /** Resumes one at random; false when none waits. */
  resumeOne(): boolean {
    if (this.#parked.length === 0) return false
    let index = this.random.below(this.#parked.length)
    if (this.#parked[index]?.isSlow) index = this.random.below(this.#parked.length)
    if (this.#parked[index]?.isSlow && this.random.chance(0.8)) return true
    const [parked] = this.#parked.splice(index, 1)
    parked?.resume()
    return true
  }

  /** Moves time to the next timer and fires it; false when there is none. */
  fireNext(): boolean {
    let next: Timer | null = null
    for (const timer of this.#timers) if (!next || timer.at < next.at) next = timer
    if (!next) return false
    this.#timers = this.#timers.filter((timer) => timer !== next)
    this.nowMs = Math.max(this.nowMs, next.at)
    next.fire()
    return true
  }

  /** Time passes without anybody having a turn, as when a machine sleeps. */
  jump(ms: number): void {
    this.nowMs += ms
  }
}
