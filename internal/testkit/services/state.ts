import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** Not in version control; one per checkout. */
export const STATE_FOLDER = join(root, '.services')
const STATE_FILE = join(STATE_FOLDER, 'state.json')

const addresses = z.object({
  postgres: z.object({ url: z.string() }).optional(),
  redis: z.object({ url: z.string() }).optional(),
  rabbitmq: z.object({ url: z.string(), managementUrl: z.string() }).optional(),
  cassandra: z.object({ contactPoints: z.array(z.string()), localDc: z.string() }).optional(),
})

const stateSchema = z.object({
  addresses,
  /** A person asked for them to stay; a test run leaves them running. */
  kept: z.boolean(),
  processes: z.array(z.object({ pid: z.number(), identity: z.string() })),
  containers: z.array(z.string()),
  /** Data folders, removed with the services. */
  folders: z.array(z.string()),
})

/** Where each service answers; one that is absent is not available. */
export type Addresses = z.infer<typeof addresses>
export type ServiceName = keyof Addresses
export type State = z.infer<typeof stateSchema>

export const SERVICE_NAMES: readonly ServiceName[] = ['postgres', 'redis', 'rabbitmq', 'cassandra']

export function readState(): State | null {
  if (!existsSync(STATE_FILE)) return null
  return stateSchema.parse(JSON.parse(readFileSync(STATE_FILE, 'utf8')))
}

export function writeState(state: State): void {
  mkdirSync(STATE_FOLDER, { recursive: true })
  writeFileSync(`${STATE_FILE}.new`, JSON.stringify(state, null, 2))
  renameSync(`${STATE_FILE}.new`, STATE_FILE)
}

export function removeState(): void {
  rmSync(STATE_FILE, { force: true })
}

/** Addresses the environment gives: TEST_DATABASE_URL and so on. */
export function addressesFromEnv(env: NodeJS.ProcessEnv): Addresses {
  const found: Addresses = {}
  if (env['TEST_DATABASE_URL']) found.postgres = { url: env['TEST_DATABASE_URL'] }
  if (env['TEST_REDIS_URL']) found.redis = { url: env['TEST_REDIS_URL'] }
  if (env['TEST_RABBITMQ_URL']) found.rabbitmq = rabbitmqFromEnv(env['TEST_RABBITMQ_URL'], env)
  if (env['TEST_CASSANDRA_CONTACT_POINTS']) {
    const localDc = env['TEST_CASSANDRA_LOCAL_DC'] || 'datacenter1'
    found.cassandra = { contactPoints: env['TEST_CASSANDRA_CONTACT_POINTS'].split(','), localDc }
  }
  return found
}

/** The management API is taken to be beside the broker on its usual port, unless the environment says. */
function rabbitmqFromEnv(url: string, env: NodeJS.ProcessEnv): { url: string; managementUrl: string } {
  const { hostname, username, password } = new URL(url)
  const beside = `http://${username || 'guest'}:${password || 'guest'}@${hostname}:15672`
  return { url, managementUrl: env['TEST_RABBITMQ_MANAGEMENT_URL'] || beside }
}

/** What test files use: the environment's addresses before those of services this checkout started. */
export function availableServices(): Addresses {
  return { ...readState()?.addresses, ...addressesFromEnv(process.env) }
}
