import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { drive, type Load, type Outcome } from './drive.ts'
import { openPairs } from './pairs.ts'

// `npm run bench`: the standalone server with fsync, its relay, queue and notifier, in a process of its own on
// an empty folder; the load comes from this process, on the same machine. Prints a table, writes bench.json.

const PORT = 4950
const PAIRS = 100
const RESULT = 'bench.json'

// The lightest first: a load leaves events behind that the notifier works on during the next one.
const SCENARIOS: { name: string; load: Load }[] = [
  { name: '100 pairs, 500 sends/s', load: { rate: 500, warmUpSeconds: 5, seconds: 10 } },
  { name: '100 pairs, 3,000 sends/s', load: { rate: 3000, warmUpSeconds: 3, seconds: 10 } },
  { name: '100 pairs, 4 outstanding each', load: { outstanding: 4, warmUpSeconds: 5, seconds: 15 } },
]

const dataDir = await mkdtemp(join(tmpdir(), 'realchat-bench-'))
const main = join(import.meta.dirname, '../cmd/standalone/main.ts')
const env = {
  ...process.env,
  DATA_DIR: dataDir,
  PORT: String(PORT),
  RATE_LIMIT_SCALE: '0',
  LOG_LEVEL: 'error',
}
const server = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'inherit'] })
const url = `http://127.0.0.1:${PORT}`
try {
  await ready()
  const pairs = await openPairs(url, PAIRS)
  const results: { scenario: string; outcome: Outcome; backlog: number }[] = []
  for (const { name, load } of SCENARIOS) {
    const outcome = await drive(pairs, load)
    results.push({ scenario: name, outcome, backlog: await backlog() })
    console.log(`${name}: ${JSON.stringify(outcome)}`)
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) }
  await writeFile(RESULT, `${JSON.stringify({ machine, node: process.version, results }, null, 2)}\n`)
  console.table(
    results.map(({ scenario, outcome, backlog: rows }) => ({ scenario, ...outcome, backlog: rows })),
  )
  for (const { sender, receiver } of pairs) {
    sender.terminate()
    receiver.terminate()
  }
} finally {
  server.kill('SIGTERM')
  await new Promise((resolve) => server.once('exit', resolve))
  await rm(dataDir, { recursive: true, force: true })
}

async function ready(): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (server.exitCode !== null) throw new Error('the server ended')
    const answer = await fetch(`${url}/health/live`).catch(() => null)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('the server did not start')
}

/** Committed rows that the relay had not carried on when the load stopped. */
async function backlog(): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const rows = metrics.matchAll(/^realchat_relay_\w+_backlog\{[^}]*\} (\d+)$/gm)
  return [...rows].reduce((sum, [, count]) => sum + Number(count), 0)
}
