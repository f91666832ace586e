import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { canInstall } from './packages.ts'
import { findProgram } from './processes.ts'
import { type Addresses, SERVICE_NAMES, type ServiceName } from './state.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const TESTS = '{internal,cmd,bench,examples,scripts}/**/*.test.ts'
/** What a test calls to get the service. */
const CALLS: Record<ServiceName, RegExp> = {
  postgres: /\btest(?:Empty)?Postgres\(/,
  redis: /\btestRedis\(/,
  rabbitmq: /\btestRabbitmq\(/,
  cassandra: /\btest(?:Empty)?Cassandra\(/,
}
/** What a test calls that runs a program written in Python. */
const PYTHON = /\b(?:runSchemathesis|pythonWith)\(/
const IMPORT = /from '(\.[^']+\.ts)'/g
/** Only these share set-up between tests; the functions themselves live in testkit/services.ts. */
const SHARED = /\.contract\.ts$|\/testkit\/(?!services)/

/**
 * Services that are missing, Python among them, and the test files (paths in the project) that cannot run
 * without them.
 */
export function leftOut(available: Addresses, python: boolean): { missing: string[]; files: string[] } {
  const services = SERVICE_NAMES.filter((name) => !available[name])
  const calls = [...services.map((name) => CALLS[name]), ...(python ? [] : [PYTHON])]
  if (calls.length === 0) return { missing: [], files: [] }
  const files = globSync(TESTS, { cwd: root }).filter((file) => {
    const text = withShared(join(root, file))
    return calls.some((call) => call.test(text))
  })
  return { missing: [...services, ...(python ? [] : ['python3'])], files }
}

/** The text of a file and of what it shares with other tests. */
function withShared(file: string, seen = new Set<string>()): string {
  if (seen.has(file) || !existsSync(file)) return ''
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  const shared = [...text.matchAll(IMPORT)]
    .map(([, path = '']) => resolve(dirname(file), path))
    .filter((path) => SHARED.test(path))
  return text + shared.map((path) => withShared(path, seen)).join('')
}

/** Whether there is a Python, or can be. */
export const canRunPython = (): boolean => findProgram('python3') !== null || canInstall()
