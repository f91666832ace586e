export interface RateLimit {
  /** Part of the counter's key: one name, one counter per key. */
  name: string
  /** Uses allowed in each window, before RATE_LIMIT_SCALE. */
  points: number
  /** Length of a window, seconds. */
  seconds: number
  /** What happens while the counters cannot be reached: guessing must stop, ordinary use must not. */
  whenDown: 'refuse' | 'allow'
}

/** Counts uses in fixed windows, over all nodes. */
export interface RateLimiter {
  /**
   * Takes one use of the limit for the key (an address, a user id, an account; at most 300 characters).
   * Atomic: of any number of parallel calls exactly `points` a window succeed.
   *
   * @throws DomainError `rate_limited` with `retryAfterMs`; `dependency_unavailable` when the counters
   *   cannot be reached and the limit says `refuse`.
   */
  consume(limit: RateLimit, key: string): Promise<void>

  /** Forgets the key's uses, as after a successful sign-in. Safe to repeat. */
  reset(limit: RateLimit, key: string): Promise<void>
}
