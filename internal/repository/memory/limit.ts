import { RateLimiterMemory } from 'rate-limiter-flexible'
import { FixedWindows } from '../fixed-windows.ts'

/** Counters of one process: the whole truth in standalone, nothing to share a cluster's limits by. */
export class MemoryRateLimiter extends FixedWindows {
  /** @param scale multiplies every limit; 0 turns all of them off. */
  constructor(scale: number) {
    super({ scale, store: 'memory', open: (options) => new RateLimiterMemory(options) })
  }
}
