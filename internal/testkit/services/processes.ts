import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processIdentity } from '../../platform/process-identity.ts'

/** A process this checkout started, told apart from a later one with the same number by `identity`. */
export interface ProcessRecord {
  pid: number
  identity: string
}

export interface Launch {
  command: string
  args: string[]
  env?: Record<string, string>
  /** Standard output and error go here. */
  logFile: string
  /** System user to run as; only root can give one. */
  user?: string | undefined
}

export const isRoot = process.getuid?.() === 0

const POLL_MS = 50
const STOP_PATIENCE_MS = 15_000

const launches = new WeakMap<ProcessRecord, Launch>()

/** Starts a process that outlives this one. */
export function launch(how: Launch): ProcessRecord {
  const { command, args, env = {}, logFile, user } = how
  const log = openSync(logFile, 'a')
  const [file, ...rest] = user
    ? ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', command, ...args]
    : [command, ...args]
  const child = spawn(file, rest, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  })
  child.unref()
  if (child.pid === undefined) throw new Error(`could not start ${command}`)
  const record = { pid: child.pid, identity: processIdentity(child.pid) ?? '' }
  launches.set(record, how)
  return record
}

/** Starts once more, in the same place, what `launch` started in this process and what has ended since. */
export function relaunch(record: ProcessRecord, moreArgs: readonly string[] = []): ProcessRecord {
  const how = launches.get(record)
  if (!how) throw new Error(`process ${record.pid} was not launched here`)
  return launch({ ...how, args: [...how.args, ...moreArgs] })
}

export function isAlive({ pid, identity }: ProcessRecord): boolean {
  return processIdentity(pid) === identity
}

/** Ends exactly that process: asks first, insists after 15 s. */
export async function stopProcess(record: ProcessRecord): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isAlive(record)) return
    process.kill(record.pid, signal)
    const deadline = Date.now() + STOP_PATIENCE_MS
    while (isAlive(record) && Date.now() < deadline) await sleep(POLL_MS)
  }
}

/** Waits until `check` resolves; fails when the process ends first or the time is up, with the log's end. */
export async function untilReady(
  name: string,
  record: ProcessRecord,
  logFile: string,
  check: () => Promise<unknown>,
  patienceMs = 90_000,
): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      const ended = !isAlive(record)
      if (ended || Date.now() > deadline) {
        const log = readFileSync(logFile, 'utf8').slice(-2000)
        throw new Error(`${name} ${ended ? 'ended' : 'did not answer'} while starting:\n${log}`, {
          cause: error,
        })
      }
      await sleep(POLL_MS)
    }
  }
}

/** Ports nobody listens on, each different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** The first of some ports in a row that are free, below those that the system gives to connections. */
export async function freePortRow(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 12_000)
    const servers = Array.from({ length: count }, (_, n) => createServer().listen(first + n, '127.0.0.1'))
    const opened = await Promise.allSettled(servers.map((server) => once(server, 'listening')))
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    if (opened.every(({ status }) => status === 'fulfilled')) return first
  }
}

/** Full path of a program in PATH or one of the folders; null when it is not installed. */
export function findProgram(name: string, folders: string[] = []): string | null {
  const all = [...folders, ...(process.env['PATH'] ?? '').split(delimiter)]
  return all.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

/** Entries of a folder with their full paths, the newest version first; empty when there is none. */
export function versionsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(folder, name))
}
