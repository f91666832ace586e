import { afterAll, describe, expect, it } from '@jest/globals'
import { ALL_RULES, without } from './rules.ts'
import { Search } from './search.ts'

/** More by MODEL_SEEDS=20000; the soak runs as many. */
const SEEDS = Number(process.env['MODEL_SEEDS'] ?? 500)
/** Within these each fault below shows; most do in the first hundred. */
const SEARCHED = 4000

const search = new Search()
afterAll(() => search.end())

describe('the log, its followers and its readers, under every fault', () => {
  it('keep their promises', async () => {
    expect(await search.counterexample(ALL_RULES, SEEDS)).toBeNull()
  }, 600_000)

  it.each([
    ['the lock of heads', without('headLock')],
    ['the horizon', without('horizon')],
    ['the order of transactions', without('transactionOrder')],
    ['stamps', without('stamps')],
    ['the base of changes', without('baseRev')],
    ['deduplication', without('dedupe')],
    ['replays of what the archive may have forgotten', without('replay')],
  ] as const)(
    'break them without %s',
    async (_, rules) => {
      expect(await search.counterexample(rules, SEARCHED)).not.toBeNull()
    },
    600_000,
  )

  it('break them when the archive is read before the log, and not without that', async () => {
    const faults = { forgetting: false }
    expect(await search.counterexample(without('logHelpsOut'), 100, faults)).toBeNull()
    expect(await search.counterexample(without('logHelpsOut', 'tailFirst'), SEARCHED, faults)).not.toBeNull()
  }, 600_000)

  it('break them when the log does not help out an archive that forgot', async () => {
    expect(await search.counterexample(without('logHelpsOut'), SEARCHED)).not.toBeNull()
  }, 600_000)
})
