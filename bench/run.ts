import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { judged } from './judgement.ts'
import { pinLoad } from './peers/process.ts'
import type { BenchOptions, Row, Scenario } from './scenario.ts'
import { generator } from './scenarios/generator.ts'
import { idleScenarios } from './scenarios/idle.ts'
import { idleScenario } from './scenarios/idle-inboxes.ts'
import { notifierScenarios } from './scenarios/notifier.ts'
import { portSharing } from './scenarios/port-sharing.ts'
import { readingScenarios } from './scenarios/reading.ts'
import { reconnect } from './scenarios/reconnect.ts'
import { roomScenarios } from './scenarios/rooms.ts'
import { sendScenarios } from './scenarios/sends.ts'
import { slow } from './scenarios/slow.ts'

// `npm run bench` runs everything, `npm run bench -- groups idle` these, with `--smoke` small and short. Prints
// tables and keeps the last result of each scenario in bench.json.

const RESULT = 'bench.json'
const scenarios: readonly Scenario[] = [
  generator,
  ...roomScenarios,
  slow,
  ...idleScenarios,
  portSharing,
  ...sendScenarios,
  ...readingScenarios,
  idleScenario,
  reconnect,
  ...notifierScenarios,
]

// A scenario's own stores are named here, and end with it.
const environment = { ...process.env }
const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const options: BenchOptions = { smoke: process.argv.includes('--smoke') }
const unknown = names.filter((name) => !scenarios.some((one) => one.name === name))
if (unknown.length > 0 || process.argv.includes('--help')) {
  console.log(scenarios.map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n'))
  process.exit(unknown.length > 0 ? 2 : 0)
}

const failed: string[] = []
for (const scenario of scenarios.filter(({ name }) => names.length === 0 || names.includes(name))) {
  console.log(`\n${scenario.name}: ${scenario.about}`)
  try {
    await runOne(scenario)
  } catch (error) {
    console.error(error)
    failed.push(scenario.name)
  }
  await giveBack()
}
if (failed.length > 0) console.error(`\nfailed: ${failed.join(', ')}`)
process.exit(failed.length > 0 ? 1 : 0)

async function runOne(scenario: Scenario): Promise<void> {
  pinLoad(scenario.isPinned ?? false)
  const began = performance.now()
  const rows = await scenario.run(options)
  const seconds = Math.round((performance.now() - began) / 1000)
  console.table(rows)
  const budgets = judged(rows, scenario.budgets ?? [])
  if (budgets.length > 0) console.table(budgets)
  console.log(`${seconds} s${options.smoke ? '; a smoke run measures nothing' : ''}`)
  if (!options.smoke) keep(scenario, { seconds, rows, budgets })
}

function keep(
  { name, about }: Scenario,
  outcome: { seconds: number; rows: readonly Row[]; budgets: readonly Row[] },
): void {
  const results: unknown = existsSync(RESULT) ? JSON.parse(readFileSync(RESULT, 'utf8')) : {}
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) }
  const result = { about, at: new Date().toISOString(), machine, node: process.version, ...outcome }
  writeFileSync(RESULT, `${JSON.stringify({ ...Object(results), [name]: result }, null, 2)}\n`)
}

/** What a scenario borrowed of the test services is given back, so that the next one has the machine to itself. */
async function giveBack(): Promise<void> {
  const cleanups = (globalThis.realchatCleanups ?? []).toReversed()
  globalThis.realchatCleanups = []
  for (const cleanup of cleanups) await cleanup()
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
}
