import { DomainError } from '../../domain/errors.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Refusal, refusalOf } from '../problem.ts'

export interface PushLimiterOptions {
  clock: Clock
  /** Multiplies both figures; 0 turns the limit off. */
  scale: number
}

/** Joins and pushes a user may make at once on this node, and how many more each second. */
const BURST = 300
const PER_SECOND = 20
const USERS_MAX = 50_000

interface Bucket {
  tokens: number
  at: number
}

/**
 * A token bucket per user for what comes over sockets. In this process, because a push must be let in or not
 * before the next one is looked at: their order is promised.
 */
export class PushLimiter {
  readonly #options: PushLimiterOptions
  readonly #buckets = new Map<UserId, Bucket>()

  constructor(options: PushLimiterOptions) {
    this.#options = options
  }

  /** Takes one token; the refusal when there is none. */
  admit(userId: UserId): Refusal | null {
    const { clock, scale } = this.#options
    if (scale === 0) return null
    const now = clock.now()
    const bucket = this.#bucketOf(userId, now)
    const refilled = bucket.tokens + ((now - bucket.at) / 1000) * PER_SECOND * scale
    bucket.tokens = Math.min(BURST * scale, refilled)
    bucket.at = now
    if (bucket.tokens >= 1) {
      bucket.tokens--
      return null
    }
    const retryAfterMs = ((1 - bucket.tokens) / (PER_SECOND * scale)) * 1000
    return refusalOf(new DomainError('rate_limited', 'Too many pushes; slow down.', { retryAfterMs }))
  }

  #bucketOf(userId: UserId, now: number): Bucket {
    const known = this.#buckets.get(userId)
    if (known) return known
    if (this.#buckets.size >= USERS_MAX) this.#forgetFull(now)
    const bucket = { tokens: BURST * this.#options.scale, at: now }
    this.#buckets.set(userId, bucket)
    return bucket
  }

  /** Buckets that have filled up by now say nothing that a new one would not. */
  #forgetFull(now: number): void {
    const fullAfterMs = (BURST / PER_SECOND) * 1000
    for (const [userId, { at }] of this.#buckets) if (now - at > fullAfterMs) this.#buckets.delete(userId)
  }
}
