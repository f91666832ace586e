import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installPackages } from './services/packages.ts'
import { findProgram } from './services/processes.ts'

const REQUIREMENTS = join(import.meta.dirname, 'schemathesis.txt')
const VERSION = /^schemathesis==(.+)$/m.exec(readFileSync(REQUIREMENTS, 'utf8'))?.[1] ?? ''
/** Installed once per machine: 60 MB. */
const CACHE = join(homedir(), '.cache', 'realchat', `schemathesis-${VERSION}`)
/** Written last, so that an installation cut short is never taken for a whole one. */
const COMPLETE = join(CACHE, 'complete')
const OUTPUT_MAX = 64 * 2 ** 20
const run = promisify(execFile)

/** Provides schemathesis; Python comes from apt where it is missing. Takes a minute the first time. */
export async function installSchemathesis(): Promise<void> {
  if (existsSync(COMPLETE)) return
  if (spawnSync('python3', ['-c', 'import venv, ensurepip']).status !== 0) {
    installPackages(['python3', 'python3-venv'])
  }
  rmSync(CACHE, { recursive: true, force: true })
  await run(findProgram('python3') ?? 'python3', ['-m', 'venv', CACHE])
  const flags = ['--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS]
  await run(join(CACHE, 'bin', 'pip'), ['install', ...flags])
  writeFileSync(COMPLETE, '')
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
  return new Promise((resolve) => {
    const child = execFile(join(CACHE, 'bin', 'python'), args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? 1, output: stdout + stderr })
    })
  })
}
