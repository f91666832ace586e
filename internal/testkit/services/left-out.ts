import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
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
const IMPORT = /from '(\.[^']+\.ts)'/g
/** Only these share set-up between tests; the functions themselves live in testkit/services.ts. */
const SHARED = /\.contract\.ts$|\/testkit\/(?!services)/

/** Services that are missing, and the test files (paths in the project) that cannot run without them. */
export function leftOut(available: Addresses): { missing: ServiceName[]; files: string[] } {
  const missing = SERVICE_NAMES.filter((name) => !available[name])
  if (missing.length === 0) return { missing, files: [] }
  const files = globSync(TESTS, { cwd: root }).filter((file) => {
    const text = withShared(join(root, file))
    return missing.some((name) => CALLS[name].test(text))
  })
  return { missing, files }
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
