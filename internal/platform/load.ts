import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { aborted, type Component } from './lifecycle.ts'

/** How much this process can take on: newcomers are turned away first, then work of those who are here. */
export type LoadLevel = 'normal' | 'no newcomers' | 'no work'

export interface LoadSample {
  /** By how much timers came too late, on average: what whoever asks now waits before anything happens. */
  lagMs: number
  /** Share of the memory that may be used: of V8's heap, or of the container's limit. */
  memory: number
}

export interface LoadThresholds {
  newcomers: LoadSample
  work: LoadSample
}

export const LOAD_THRESHOLDS: LoadThresholds = {
  newcomers: { lagMs: 200, memory: 0.85 },
  work: { lagMs: 1000, memory: 0.95 },
}

const SAMPLE_MS = 500
const RESOLUTION_MS = 20
/** When to come again: some samples later. */
export const LOAD_RETRY_MS = 2000

interface LoadOptions {
  thresholds?: LoadThresholds
  sample?: () => LoadSample
  lateMs?: () => number
}

/** Watches the event loop and the memory; says what is to be turned away. */
export class Load implements Component {
  readonly name = 'load'
  level: LoadLevel = 'normal'
  readonly #thresholds: LoadThresholds
  readonly #sample: (() => LoadSample) | null
  readonly #lateMs: () => number

  /**
   * @param sample what to go by in place of this process itself.
   * @param lateMs by how much (ms) work is late that gives way to other work, so that no timer shows it.
   */
  constructor({ thresholds, sample, lateMs }: LoadOptions = {}) {
    this.#thresholds = thresholds ?? LOAD_THRESHOLDS
    this.#sample = sample ?? null
    this.#lateMs = lateMs ?? (() => 0)
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    delays.enable()
    const sample = this.#sample ?? (() => ownSample(delays))
    const timer = setInterval(() => {
      const { lagMs, memory } = sample()
      this.level = levelOf({ lagMs: Math.max(lagMs, this.#lateMs()), memory }, this.#thresholds)
      delays.reset()
    }, SAMPLE_MS)
    timer.unref()
    ready()
    await aborted(signal)
    clearInterval(timer)
    delays.disable()
  }

  /** Milliseconds after which a newcomer is to try again; null lets it in. */
  refusesNewcomers(): number | null {
    return this.level === 'normal' ? null : LOAD_RETRY_MS
  }

  /** The same for work, before any of it is done. */
  refusesWork(): number | null {
    return this.level === 'no work' ? LOAD_RETRY_MS : null
  }
}

function levelOf(sample: LoadSample, { newcomers, work }: LoadThresholds): LoadLevel {
  const isOver = (limit: LoadSample) => sample.lagMs > limit.lagMs || sample.memory > limit.memory
  if (isOver(work)) return 'no work'
  return isOver(newcomers) ? 'no newcomers' : 'normal'
}

function ownSample(delays: { count: number; mean: number }): LoadSample {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  const allowed = process.constrainedMemory()
  const resident = allowed > 0 ? process.memoryUsage.rss() / allowed : 0
  // No timer came in at all: then there is nothing to go by but this one.
  const meanMs = delays.count > 0 ? delays.mean / 1e6 : 0
  return { lagMs: Math.max(0, meanMs - RESOLUTION_MS), memory: Math.max(used / limit, resident) }
}
