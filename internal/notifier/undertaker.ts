import { type Component, pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import type { DeadLetterSource, DeadLetterStore } from './ports.ts'

export interface UndertakerDeps {
  source: DeadLetterSource
  store: DeadLetterStore
  logger: Logger
  now(): number
}

const EVERY_MS = 5000
const AT_ONCE = 100
const RETENTION_MS = 7 * 86_400_000

/**
 * Moves what the queue gave up to where operators look at it: a letter leaves the queue only once it is
 * stored, and one that comes twice is stored once. Any number may run at once.
 */
export function undertaker({ source, store, logger, now }: UndertakerDeps): Component {
  return {
    name: 'dead letters',
    async run(signal, ready) {
      ready()
      while (!signal.aborted) {
        let moved = 0
        try {
          // First, so that nothing is taken while the store is away: returning it counts, and ends somewhere.
          await store.prune(now() - RETENTION_MS, AT_ONCE)
          moved = await source.takeDead((letters) => store.bury(letters), AT_ONCE)
        } catch (error) {
          logger.warn({ err: error }, 'dead letters stay in the queue')
        }
        if (moved > 0) logger.error({ letters: moved }, 'notifications were given up; see the dead letters')
        if (moved < AT_ONCE) await pause(EVERY_MS, signal)
      }
    },
  }
}
