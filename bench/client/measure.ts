/** What a load measured, from its warm-up on. */
export class Measure {
  isCounting = false
  delivered = 0
  failed = 0
  #latencies: number[] = []
  #began = 0
  #seconds = 0

  start(): void {
    this.isCounting = true
    this.delivered = 0
    this.failed = 0
    this.#latencies = []
    this.#began = performance.now()
  }

  stop(): void {
    this.isCounting = false
    this.#seconds = (performance.now() - this.#began) / 1000
  }

  answered(latencyMs: number): void {
    if (this.isCounting) this.#latencies.push(latencyMs)
  }

  get acknowledgedPerSecond(): number {
    return Math.round(this.#latencies.length / this.#seconds)
  }

  get deliveredPerSecond(): number {
    return Math.round(this.delivered / this.#seconds)
  }

  /** Milliseconds below which this share of the answers came. */
  percentile(share: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    return Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2))
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
