import { DomainError } from '../domain/errors.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'

const FIRST_WAIT_MS = 250
const WAIT_MAX_MS = 10_000

/** Repeats `work` while a dependency cannot be reached; rejects with anything else, and on abort. */
export async function untilAvailable<T>(
  work: () => Promise<T>,
  { signal, logger }: { signal: AbortSignal; logger: Logger },
): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, WAIT_MAX_MS)) {
    try {
      return await work()
    } catch (error) {
      const mayPass = error instanceof DomainError && error.code === 'dependency_unavailable'
      if (signal.aborted || !mayPass) throw error
      logger.warn({ err: error, waitMs }, 'notifications wait for a dependency')
      await pause(waitMs, signal)
    }
  }
}
