import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pythonWith } from './python.ts'

const REQUIREMENTS = join(import.meta.dirname, 'schemathesis.txt')
const VERSION = /^schemathesis==(.+)$/m.exec(readFileSync(REQUIREMENTS, 'utf8'))?.[1] ?? ''
const NAME = `schemathesis-${VERSION}`
const OUTPUT_MAX = 64 * 2 ** 20

/** Provides schemathesis, 60 MB; takes a minute the first time. */
export async function installSchemathesis(): Promise<void> {
  await pythonWith(NAME, REQUIREMENTS)
}

export interface SchemathesisRun {
  /** Of the server; its document is at /openapi.json. */
  url: string
  token: string
  /** A schemathesis.toml. */
  config: string
  /** Cases per operation and phase. */
  maxExamples: number
  seed: number
  /** Further command line. */
  args: string[]
}

/** Runs all checks; answers the exit code (0: nothing found) and what was printed. */
export async function runSchemathesis(asked: SchemathesisRun): Promise<{ code: number; output: string }> {
  const args = [
    ...['-m', 'schemathesis.cli', '--config-file', asked.config, '--no-color', 'run'],
    ...[`${asked.url}/openapi.json`, '--url', asked.url, '--header', `Authorization: Bearer ${asked.token}`],
    // One worker: CPython 3.11 miscounts its recursion when two threads parse source at once (cpython#106905).
    ...['--checks', 'all', '--continue-on-failure', '--workers', '1', '--generation-database', 'none'],
    ...['--max-examples', String(asked.maxExamples), '--seed', String(asked.seed)],
    ...asked.args,
  ]
  // What it writes, it writes where it runs.
  const options = { cwd: tmpdir(), maxBuffer: OUTPUT_MAX }
  const python = await pythonWith(NAME, REQUIREMENTS)
  return new Promise((resolve) => {
    const child = execFile(python, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? 1, output: stdout + stderr })
    })
  })
}
