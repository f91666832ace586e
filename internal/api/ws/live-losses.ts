/** What the bus may have lost: since when (ms), and on which of its shards. */
export interface Losses {
  since: number
  shards: ReadonlySet<number>
}

/** Remembers what the bus may have lost of what has no number, until somebody has compared it with the stores. */
export class LiveLosses {
  /** False while the bus is interrupted and only the log tells what other nodes sent. */
  isConnected = true
  #since: number | null = null
  #shards = new Set<number>()
  #interruptedAt: number | null = null
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  interrupted(): void {
    this.isConnected = false
    this.#interruptedAt ??= this.#now()
  }

  restored(): void {
    this.isConnected = true
  }

  /** Gaps are noticed when the bus is back: what they hide may be as old as its interruption. */
  gap(shard: number): void {
    this.#since ??= this.#interruptedAt ?? this.#now()
    this.#shards.add(shard)
  }

  /** Null when nothing is; who cannot compare it gives it back. */
  take(): Losses | null {
    if (this.#since === null) return null
    const taken = { since: this.#since, shards: this.#shards }
    this.#since = null
    this.#shards = new Set()
    if (this.isConnected) this.#interruptedAt = null
    return taken
  }

  /** It comes with the next. */
  giveBack({ since, shards }: Losses): void {
    this.#since = Math.min(since, this.#since ?? since)
    for (const shard of shards) this.#shards.add(shard)
  }
}
