import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Rules } from './rules.ts'
import type { Faults } from './world.ts'

export interface Found {
  seed: number
  reason: string
}

/** Searches the model's runs in a thread of its own. */
export class Search {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url))

  /** The first seed in which a promise is broken, with what is seen of it; null when none is. */
  async counterexample(
    rules: Rules,
    seeds: number,
    faults: Faults = { forgetting: true },
  ): Promise<Found | null> {
    this.#worker.postMessage({ rules, seeds, faults })
    const [found] = await once(this.#worker, 'message')
    return found
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
