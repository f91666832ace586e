import { readFileSync } from 'node:fs'
import { ConfigError } from '../config/env.ts'
import { errorCode } from './error-code.ts'
import { OperatorError } from './operator-error.ts'

export interface Binary {
  name: string
  /** Printed by `--help`, after the usage line. */
  about: string
  /** Words the command line may hold beside `--help` and `--version`; refuses others. */
  acceptsArguments?: boolean
  /** Options without a value that the command line may hold; refuses others. */
  flags?: readonly string[]
  /** Runs until the signal aborts; resolves when drained. */
  main(signal: AbortSignal, args: string[]): Promise<void>
}

const EXIT_CONFIGURATION = 2
const EXIT_FAILURE = 1
/** System error codes, and PostgreSQL's for refused credentials and databases that do not exist. */
const UNREACHABLE = /^(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|28...|3D000)$/

/** Version of the running code, from package.json (two folders up in the tree, three in `dist`). */
export function version(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (name === 'realchat') return version
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }
  return 'unknown'
}

/**
 * The frame every binary runs in: `--help`, `--version`, exit 2 with a line per configuration fault,
 * drain and exit 0 on the first SIGTERM or SIGINT, exit at once on the second.
 */
export async function runBinary(binary: Binary): Promise<void> {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h'))
    return print(
      `Usage: ${[binary.name, ...(binary.flags ?? []).map((flag) => `[${flag}]`)].join(' ')}\n\n${binary.about}\n`,
    )
  if (args.includes('--version')) return print(`${binary.name} ${version()}\n`)
  const unknown = args.find((arg) => !binary.flags?.includes(arg))
  if (unknown && !binary.acceptsArguments)
    return fail(EXIT_CONFIGURATION, `unknown argument ${unknown}; --help names those there are`)

  const stop = new AbortController()
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(EXIT_FAILURE)
    stop.abort()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  try {
    await binary.main(stop.signal, args)
    process.exit(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof ConfigError) return fail(EXIT_CONFIGURATION, ...error.faults)
    fail(EXIT_FAILURE, describeFailure(error))
  }
}

function print(text: string): void {
  process.stdout.write(text)
}

function fail(code: number, ...lines: string[]): never {
  process.stderr.write(lines.map((line) => `${line}\n`).join(''))
  process.exit(code)
}

/** One clear line for what an operator can mend; the stack for what only we can. */
function describeFailure(error: unknown): string {
  if (error instanceof OperatorError) return error.message
  if (!(error instanceof Error)) return String(error)
  const { message, stack } = error
  const code = errorCode(error)
  const port = 'port' in error ? error.port : null
  if (code === 'EADDRINUSE') return `Port ${port} is in use: stop what listens there, or set PORT.`
  if (code === 'EACCES' && port)
    return `Port ${port} may not be opened by this user: set PORT to one above 1023.`
  if (code === 'ENOSPC') return `The disk is full: ${message}`
  if (code && UNREACHABLE.test(code)) return `A service cannot be reached: ${message}`
  return stack ?? message
}
