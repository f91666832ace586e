import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../platform/logger.ts'
import { processIdentity } from '../../platform/process-identity.ts'
import type { ServerUser } from './embedded-user.ts'

const STOP_PATIENCE_MS = 60_000
const POLL_MS = 20

/**
 * Stops, without losing anything, a server that a killed process left running on this data folder: it would
 * go on, and a second one refuses to start beside it.
 */
export async function stopLeftover(data: string, logger: Logger): Promise<void> {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  const identity = processIdentity(pid)
  if (identity === null || !servesFolder(pid, data)) return
  logger.warn({ pid }, 'stopping the PostgreSQL that a killed process left behind')
  // Fast shutdown first; at once, with recovery at the next start, when it does not end.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    process.kill(pid, signal)
    const deadline = Date.now() + STOP_PATIENCE_MS
    while (processIdentity(pid) === identity && Date.now() < deadline) await sleep(POLL_MS)
    if (processIdentity(pid) !== identity) return
  }
}

/** A server works in its data folder; where the system does not show that, the pid file is believed. */
function servesFolder(pid: number, data: string): boolean {
  if (!existsSync('/proc/self/cwd')) return true
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data)
  } catch {
    return false // it ended in this moment
  }
}

export interface Launch {
  program: string
  data: string
  port: number
  /** Null for none. */
  socketFolder: string | null
  user: ServerUser
  logger: Logger
  /** Server settings by name. */
  settings: Record<string, string>
}

/** In a group of its own, so that Ctrl-C in a terminal reaches this process only, which then drains first. */
export function launchServer(launch: Launch): ChildProcess {
  const { program, data, port, socketFolder, user, logger, settings } = launch
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: socketFolder ?? '', ...settings }
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const { file, args, options } = user.command(program, ['-D', data, '-p', String(port), ...flags])
  const child = spawn(file, args, {
    ...options,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => forward(line, logger))
  return child
}

/** What connections are told at a start or a shutdown; whoever made them repeats or knows. */
const PASSING = /administrator command|the database system is (?:starting up|shutting down)/

/** Errors of statements reach their callers; here they are for debugging. */
function forward(line: string, logger: Logger): void {
  if (PASSING.test(line)) logger.debug({ postgres: line })
  else if (/\b(?:FATAL|PANIC):/.test(line)) logger.error({ postgres: line })
  else if (/\bWARNING:/.test(line)) logger.warn({ postgres: line })
  else logger.debug({ postgres: line })
}

export async function freeLoopbackPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** What the system allows for a socket's path, less its terminator. */
const SOCKET_PATH_MAX = 103
const SOCKET_NAME = '.s.PGSQL.'

/** The data folder, which is the server's alone, or null where it cannot hold a socket. Removes what a kill left there. */
export function socketFolderIn(data: string, port: number): string | null {
  if (process.platform === 'win32') return null
  for (const name of readdirSync(data)) if (name.startsWith(SOCKET_NAME)) rmSync(join(data, name))
  const path = join(data, `${SOCKET_NAME}${port}`)
  // A comma would part two folders in the setting.
  return Buffer.byteLength(path) <= SOCKET_PATH_MAX && !data.includes(',') ? data : null
}
