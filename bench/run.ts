import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { pinLoad } from './peers/process.ts'
import type { BenchOptions, Row, Scenario } from './scenario.ts'
import { crowdScenarios } from './scenarios/crowd.ts'
import { generator } from './scenarios/generator.ts'
import { idleScenarios } from './scenarios/idle.ts'
import { notifierScenarios } from './scenarios/notifier.ts'
import { portSharing } from './scenarios/port-sharing.ts'
import { readingScenarios } from './scenarios/reading.ts'
import { roomScenarios } from './scenarios/rooms.ts'
import { sendScenarios } from './scenarios/sends.ts'

// `npm run bench` runs everything, `npm run bench -- groups idle` these, with `--smoke` small and short. Prints
// tables and keeps the last result of each scenario in bench.json.

const RESULT = 'bench.json'
const scenarios: readonly Scenario[] = [
  generator,
  ...roomScenarios,
  ...idleScenarios,
  portSharing,
  ...sendScenarios,
  ...readingScenarios,
  ...crowdScenarios,
  ...notifierScenarios,
]

const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const options: BenchOptions = { smoke: process.argv.includes('--smoke') }
const unknown = names.filter((name) => !scenarios.some((one) => one.name === name))
if (unknown.length > 0 || process.argv.includes('--help')) {
  console.log(scenarios.map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n'))
  process.exit(unknown.length > 0 ? 2 : 0)
}

for (const scenario of scenarios.filter(({ name }) => names.length === 0 || names.includes(name))) {
  console.log(`\n${scenario.name}: ${scenario.about}`)
  pinLoad(scenario.isPinned ?? false)
  const rows = await scenario.run(options)
  console.table(rows)
  if (!options.smoke) keep(scenario, rows)
}
await finish()

function keep({ name, about }: Scenario, rows: readonly Row[]): void {
  const results: unknown = existsSync(RESULT) ? JSON.parse(readFileSync(RESULT, 'utf8')) : {}
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) }
  const result = { about, at: new Date().toISOString(), machine, node: process.version, rows }
  writeFileSync(RESULT, `${JSON.stringify({ ...Object(results), [name]: result }, null, 2)}\n`)
}

/** What scenarios borrowed of the test services is given back. */
async function finish(): Promise<void> {
  for (const cleanup of (globalThis.realchatCleanups ?? []).toReversed()) await cleanup()
  process.exit(0)
}
