/** Milliseconds below which this share of the values is; 0 when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2))
}

/** What a load measured, from its warm-up on. */
export class Measure {
  isCounting = false
  /** Counted on after the end, too: the rates are of what was measured. */
  asked = 0
  delivered = 0
  /** Told to come again later (`overloaded`, `rate_limited`). */
  refused = 0
  /** Anything else but an answer. */
  failed = 0
  /** Sockets that ended although nobody closed them here. */
  closed = 0
  readonly latencies: number[] = []
  /** From a send to its delivery, of some. */
  readonly deliveryMs: number[] = []
  /** By how much the load itself was late, of an open loop. */
  readonly lateMs: number[] = []
  #began = 0
  #seconds = 0
  #rates = { asked: 0, delivered: 0 }
  #cpu = process.cpuUsage()
  /** Of one core, what this process used. */
  cores = 0

  start(): void {
    this.isCounting = true
    this.asked = 0
    this.delivered = 0
    this.refused = 0
    this.failed = 0
    for (const values of [this.latencies, this.deliveryMs, this.lateMs]) values.length = 0
    this.#cpu = process.cpuUsage()
    this.#began = performance.now()
  }

  stop(): void {
    this.isCounting = false
    this.#seconds = (performance.now() - this.#began) / 1000
    const { user, system } = process.cpuUsage(this.#cpu)
    this.cores = Number(((user + system) / 1e6 / this.#seconds).toFixed(2))
    this.#rates = { asked: this.asked / this.#seconds, delivered: this.delivered / this.#seconds }
  }

  answered(latencyMs: number): void {
    if (this.isCounting) this.latencies.push(latencyMs)
  }

  get seconds(): number {
    return this.#seconds
  }

  get askedPerSecond(): number {
    return Math.round(this.#rates.asked)
  }

  get acknowledgedPerSecond(): number {
    return Math.round(this.latencies.length / this.#seconds)
  }

  /** Those answered within so many milliseconds. */
  acknowledgedWithin(ms: number): number {
    return Math.round(this.latencies.filter((latency) => latency <= ms).length / this.#seconds)
  }

  get deliveredPerSecond(): number {
    return Math.round(this.#rates.delivered)
  }

  percentile(share: number): number {
    return percentile(this.latencies, share)
  }
}

export function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000))
}

/** `work` for each of the numbers below `count`, at most `atOnce` at a time; results in their order. */
export async function inParallel<Result>(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const run = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, run))
  return results
}
