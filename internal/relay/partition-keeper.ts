import { type Component, pause } from '../platform/lifecycle.ts'
import type { LogPartitions } from './ports.ts'

const INTERVAL_MS = 3_600_000
const RETRY_MS = 10_000

/** Keeps a week of the log's days ahead and clears away the old ones. */
export class PartitionKeeper implements Component {
  readonly name = 'log-partitions'
  readonly #partitions: LogPartitions
  readonly #onError: (error: unknown) => void

  constructor(partitions: LogPartitions, onError: (error: unknown) => void) {
    this.#partitions = partitions
    this.#onError = onError
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    ready()
    while (!signal.aborted) {
      try {
        await this.#partitions.makeAhead()
        await this.#partitions.removeOld()
        await pause(INTERVAL_MS, signal)
      } catch (error) {
        this.#onError(error)
        await pause(RETRY_MS, signal)
      }
    }
  }
}
