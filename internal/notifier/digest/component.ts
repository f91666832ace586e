import { atDrain, type Component, pause } from '../../platform/lifecycle.ts'
import { type DigestDeps, Digests } from './digests.ts'

const IDLE_MS = 5000
const PRUNE_EVERY_MS = 600_000
const PRUNE_LIMIT = 1000
/** Settled digests stay this long: an event that comes again is then known. */
const RETENTION_MS = 7 * 86_400_000

export interface DigestComponentDeps extends DigestDeps {
  /** Pause when nothing is due, ms. */
  idleMs?: number
}

/** Mails digests from this process; any number may. Start in this order. */
export function digestComponents({ idleMs = IDLE_MS, ...deps }: DigestComponentDeps): Component[] {
  const digests = new Digests(deps)
  const { queue, clock, logger } = deps
  const patiently = async (what: string, work: () => Promise<boolean>): Promise<boolean> => {
    try {
      return await work()
    } catch (error) {
      logger.warn({ err: error }, what)
      return false
    }
  }
  const mailing: Component = {
    name: 'digests',
    async run(signal, ready) {
      ready()
      while (!signal.aborted) {
        const hasMore = await patiently('digests wait', () => digests.step(signal))
        if (!hasMore) await pause(idleMs, signal)
      }
    },
  }
  const pruning: Component = {
    name: 'old digests',
    async run(signal, ready) {
      ready()
      while (!signal.aborted) {
        const hasMore = await patiently('old digests stay', async () => {
          return (await queue.prune(clock.now() - RETENTION_MS, PRUNE_LIMIT)) === PRUNE_LIMIT
        })
        await pause(hasMore ? 1000 : PRUNE_EVERY_MS, signal)
      }
    },
  }
  return [atDrain('mail', () => deps.carrier.close()), pruning, mailing]
}
