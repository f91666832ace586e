import { seconds } from '../client/measure.ts'
import type { Stack } from './stack.ts'

const POLL_SECONDS = 0.1
const DRAINED_WITHIN_SECONDS = 20

/** Rows that the relay had not carried on, before and after a load was measured. */
export interface Backlog {
  after: number
  /** By how many it grew in a second. */
  perSecond: number
}

/** Looks at the backlog; called again, says how it has changed. The load goes on meanwhile. */
export async function watchBacklog({ backlog }: Stack): Promise<() => Promise<Backlog>> {
  const before = { rows: await backlog(), at: performance.now() }
  return async () => {
    const after = await backlog()
    return { after, perSecond: ((after - before.rows) * 1000) / (performance.now() - before.at) }
  }
}

/** How long the relay takes to carry on the rest; no longer than 20 s. */
export async function drained({ backlog }: Stack): Promise<number> {
  const began = performance.now()
  const passed = () => (performance.now() - began) / 1000
  while ((await backlog()) > 0 && passed() < DRAINED_WITHIN_SECONDS) await seconds(POLL_SECONDS)
  return Number(passed().toFixed(1))
}
