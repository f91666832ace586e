import { ATTEMPTS_PER_ROUND, DELAYS_MS, type DelayMs } from './ports.ts'

/** How long somebody online has to read a message before it is pushed. */
export const GRACE_MS: DelayMs = 10_000

/** A claim this old without an outcome belongs to nobody alive: no send takes half as long. */
export const CLAIM_LEASE_MS: DelayMs = 30_000

/** Waits before the second to the last attempt of a round. */
const LADDER: readonly DelayMs[] = [5_000, 30_000, 120_000, 600_000, 3_600_000]

/**
 * The wait after attempt `attempt` (from 0) failed, at least `afterMs`; null when the ladder ends and the
 * dead letters come next. A wish beyond the longest wait gets the longest.
 */
export function retryDelay(attempt: number, afterMs: number | null): DelayMs | null {
  const rung = LADDER[attempt % ATTEMPTS_PER_ROUND]
  if (rung === undefined) return null
  const least = Math.max(rung, afterMs ?? 0)
  return DELAYS_MS.find((delayMs) => delayMs >= least) ?? 3_600_000
}
