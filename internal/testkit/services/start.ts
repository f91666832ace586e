import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeContainers, startContainer, withDocker } from './docker.ts'
import type { NativeService } from './native.ts'
import { answersCassandra, nativeCassandra } from './native-cassandra.ts'
import { answersPostgres, embeddedPostgres, nativePostgres } from './native-postgres.ts'
import { answersRabbitmq, nativeRabbitmq } from './native-rabbitmq.ts'
import { answersRedis, nativeRedis } from './native-redis.ts'
import { canInstall, installPackages } from './packages.ts'
import { type ProcessRecord, stopProcess } from './processes.ts'
import {
  type Addresses,
  addressesFromEnv,
  readState,
  removeState,
  SERVICE_NAMES,
  type ServiceName,
  type State,
  writeState,
} from './state.ts'

const NATIVE: { [Name in ServiceName]: NativeService<Name> } = {
  postgres: nativePostgres,
  redis: nativeRedis,
  rabbitmq: nativeRabbitmq,
  cassandra: nativeCassandra,
}

/**
 * Provides every service that the environment does not name: those that run already, else containers,
 * else processes of this machine. What cannot be had is said and left out.
 * @param say gets a line per step
 */
export async function startServices(kept: boolean, say: (line: string) => void): Promise<Addresses> {
  const given = addressesFromEnv(process.env)
  for (const name of SERVICE_NAMES) if (given[name]) say(`${NATIVE[name].label}: given by the environment`)
  const wanted = SERVICE_NAMES.filter((name) => !given[name])
  const running = await reuse(say)
  const state: State = running ?? { addresses: {}, kept, processes: [], containers: [], folders: [] }
  state.kept ||= kept
  const missing = wanted.filter((name) => !state.addresses[name])
  if (missing.length > 0 && !(await inDocker(missing, state, say))) await natively(missing, state, say)
  writeState(state)
  return { ...state.addresses, ...given }
}

/** The services of an earlier run, when all of them still answer; what is left of others is removed. */
async function reuse(say: (line: string) => void): Promise<State | null> {
  const state = readState()
  if (!state) return null
  try {
    await allAnswer(state.addresses)
    say(`running already: ${Object.keys(state.addresses).join(', ')}`)
    return state
  } catch (error) {
    say(`an earlier run's services do not answer (${(error as Error).message.split('\n')[0]}): starting anew`)
    await stopServices()
    return null
  }
}

export async function allAnswer(addresses: Addresses): Promise<void> {
  await Promise.all([
    addresses.postgres && answersPostgres(addresses.postgres.url),
    addresses.redis && answersRedis(addresses.redis.url),
    addresses.rabbitmq && answersRabbitmq(addresses.rabbitmq.managementUrl),
    addresses.cassandra && answersCassandra(addresses.cassandra),
  ])
}

async function inDocker(names: ServiceName[], state: State, say: (line: string) => void): Promise<boolean> {
  return withDocker(async () => {
    for (const name of names) {
      say(`${NATIVE[name].label}: starting a container`)
      const { address, id } = await startContainer(name)
      record(state, name, address, { containers: [id] })
    }
  })
}

async function natively(names: ServiceName[], state: State, say: (line: string) => void): Promise<void> {
  const absent = names.filter((name) => !NATIVE[name].installed())
  if (absent.length > 0 && canInstall()) {
    const packages = absent.flatMap((name) => NATIVE[name].packages)
    say(`installing ${packages.join(', ')}`)
    installPackages(packages)
  }
  const begun = Date.now()
  const settled = await Promise.allSettled(
    names.map(async (name) => {
      const installed = NATIVE[name].installed()
      if (!installed && name !== 'postgres') return say(`${NATIVE[name].label}: not installed, left out`)
      say(`${NATIVE[name].label}: starting`)
      await startNative(name, state)
      say(`${NATIVE[name].label}: ready after ${((Date.now() - begun) / 1000).toFixed(1)} s`)
    }),
  )
  for (const result of settled) if (result.status === 'rejected') throw result.reason
}

async function startNative(name: ServiceName, state: State): Promise<void> {
  // Under the system's temporary folder, which the services' own users can reach.
  const folder = mkdtempSync(join(tmpdir(), `realchat-${name}-`))
  chmodSync(folder, 0o755)
  record(state, name, undefined, { folders: [folder] })
  const service = NATIVE[name].installed() ? NATIVE[name] : embeddedPostgres
  const address = await service.start(folder, (process) =>
    record(state, name, undefined, { processes: [process] }),
  )
  record(state, name, address, {})
}

/** Written at once, so that whatever happens next, `stopServices` finds what to stop. */
function record(
  state: State,
  name: ServiceName,
  address: Addresses[ServiceName],
  added: { processes?: ProcessRecord[]; containers?: string[]; folders?: string[] },
): void {
  if (address) Object.assign(state.addresses, { [name]: address })
  state.processes.push(...(added.processes ?? []))
  state.containers.push(...(added.containers ?? []))
  state.folders.push(...(added.folders ?? []))
  writeState(state)
}

/** Stops what this checkout started, by its ids, and removes its data. */
export async function stopServices(): Promise<void> {
  const state = readState()
  if (!state) return
  await Promise.all(state.processes.map(stopProcess))
  await removeContainers(state.containers)
  for (const folder of state.folders) rmSync(folder, { recursive: true, force: true })
  removeState()
}
