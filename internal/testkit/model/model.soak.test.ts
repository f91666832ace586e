import { afterAll, expect, it } from '@jest/globals'
import { ALL_RULES } from './rules.ts'
import { Search } from './search.ts'

const search = new Search()
afterAll(() => search.end())

it('finds no fault in twenty thousand runs', async () => {
  expect(await search.counterexample(ALL_RULES, Number(process.env['MODEL_SEEDS'] ?? 20_000))).toBeNull()
})
