import { type Component, pause } from '../platform/lifecycle.ts'
import { Notifier, type NotifierDeps } from './notifier.ts'
import type { EventConsumer } from './ports.ts'

export interface NotifierComponentDeps extends NotifierDeps {
  consumer: EventConsumer
}

/** Claims, traces and what devices show are kept this long. */
const RETENTION_MS = 7 * 86_400_000
const PRUNE_EVERY_MS = 600_000
const PRUNE_LIMIT = 5_000

/** The notifier as a part of a process: its own, or the standalone server's. */
export function notifierComponent(deps: NotifierComponentDeps): Component {
  const notifier = new Notifier(deps)
  return {
    name: 'notifier',
    async run(signal, ready) {
      const pruning = [deps.claims, deps.traces, deps.shown].map((store) => prune(store, deps, signal))
      await deps.consumer.consume((tasks, stopping) => notifier.handle(tasks, stopping), signal, ready)
      await Promise.all(pruning)
    },
  }
}

interface Prunable {
  prune(beforeMs: number, limit: number): Promise<number>
}

/** Forgets what is older than any redelivery, a bounded number at a time. */
async function prune(
  store: Prunable,
  { clock, logger }: NotifierComponentDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let deleted = 0
    try {
      deleted = await store.prune(clock.now() - RETENTION_MS, PRUNE_LIMIT)
    } catch (error) {
      logger.warn({ err: error }, 'old notifications could not be forgotten')
    }
    await pause(deleted === PRUNE_LIMIT ? 1000 : PRUNE_EVERY_MS, signal)
  }
}
