import type { Clock } from '../../platform/clock.ts'
import type { QueueDepth, QueueReader, StatsReader, StoredStats } from './ports.ts'

/** Counting reads whole tables: once in so long is enough, however many ask. */
export const STATS_AGE_MS = 15_000

export interface Stats extends StoredStats {
  /** When the stored ones were counted. */
  at: string
  /** Open sockets of the node that answers. */
  sockets: number
  /** Committed rows that have not reached the archive, and the queue. */
  relayBacklog: { archive: number; events: number }
}

export interface StatsDeps {
  reader: StatsReader
  queues: QueueReader
  clock: Clock
  sockets(): number
  backlog(follower: 'archive' | 'events'): Promise<number>
}

/** How the service is doing, in numbers. Doors ask for the scope `admin`. */
export class StatsService {
  readonly #deps: StatsDeps
  #counted: { at: number; stats: Promise<StoredStats> } | null = null

  constructor(deps: StatsDeps) {
    this.#deps = deps
  }

  async stats(): Promise<Stats> {
    const { sockets, backlog } = this.#deps
    const counted = this.#fresh()
    const [stored, archive, events] = await Promise.all([
      counted.stats,
      backlog('archive'),
      backlog('events'),
    ])
    return {
      ...stored,
      at: new Date(counted.at).toISOString(),
      sockets: sockets(),
      relayBacklog: { archive, events },
    }
  }

  queues(): Promise<QueueDepth[]> {
    return this.#deps.queues.depths()
  }

  #fresh(): { at: number; stats: Promise<StoredStats> } {
    const { reader, clock } = this.#deps
    const now = clock.now()
    const known = this.#counted
    if (known && now - known.at < STATS_AGE_MS) return known
    const counted = { at: now, stats: reader.stats(new Date(now)) }
    this.#counted = counted
    // A failure is not remembered.
    counted.stats.catch(() => {
      if (this.#counted === counted) this.#counted = null
    })
    return counted
  }
}
