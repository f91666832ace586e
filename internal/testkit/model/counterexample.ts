import type { Rules } from './rules.ts'
import type { Found } from './search.ts'
import { type Faults, World } from './world.ts'

/** The first seed in which a promise is broken, with what is seen of it; null when none is. */
export async function counterexample(rules: Rules, seeds: number, faults: Faults): Promise<Found | null> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await new World(seed, rules, faults).run()
    } catch (error) {
      return { seed, reason: error instanceof Error ? error.message : String(error) }
    }
  }
  return null
}
