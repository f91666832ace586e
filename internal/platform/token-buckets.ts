import type { Clock } from './clock.ts'

export interface TokenBucketsOptions {
  clock: Clock
  /** What a key may take at once. */
  burst: number
  /** What it gets back each second. */
  perSecond: number
  /** Multiplies both; 0 turns the limit off. */
  scale: number
}

const KEYS_MAX = 50_000

interface Bucket {
  tokens: number
  at: number
}

/** A token bucket per key, in this process: for what must be let in or refused within the tick. */
export class TokenBuckets {
  readonly #clock: Clock
  readonly #burst: number
  readonly #perMs: number
  readonly #buckets = new Map<string, Bucket>()

  constructor({ clock, burst, perSecond, scale }: TokenBucketsOptions) {
    this.#clock = clock
    this.#burst = burst * scale
    this.#perMs = (perSecond * scale) / 1000
  }

  /** Takes one token: 0 when there was one, else the milliseconds until there is. */
  take(key: string): number {
    if (this.#burst === 0) return 0
    const now = this.#clock.now()
    const bucket = this.#bucketOf(key, now)
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.at) * this.#perMs)
    bucket.at = now
    if (bucket.tokens < 1) return (1 - bucket.tokens) / this.#perMs
    bucket.tokens--
    return 0
  }

  #bucketOf(key: string, now: number): Bucket {
    const known = this.#buckets.get(key)
    if (known) return known
    if (this.#buckets.size >= KEYS_MAX) this.#forgetFull(now)
    const bucket = { tokens: this.#burst, at: now }
    this.#buckets.set(key, bucket)
    return bucket
  }

  /** Buckets that have filled up by now say nothing that a new one would not. */
  #forgetFull(now: number): void {
    const fullAfterMs = this.#burst / this.#perMs
    for (const [key, { at }] of this.#buckets) if (now - at > fullAfterMs) this.#buckets.delete(key)
  }
}
