import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { lockFolder } from '../../platform/folder-lock.ts'
import type { Logger } from '../../platform/logger.ts'
import { OperatorError } from '../../platform/operator-error.ts'
import { explain, openCluster, SAID_CHARS } from './embedded-cluster.ts'
import { embeddedPrograms } from './embedded-programs.ts'
import { freeLoopbackPort, launchServer, socketFolderIn, stopLeftover } from './embedded-server.ts'
import { serverUser } from './embedded-user.ts'

export interface EmbeddedPostgres {
  /** Of the database `realchat`, with the password. */
  url: string
  /** Fast shutdown; resolves when the server has ended and the folder is free for others. */
  stop(): Promise<void>
  /** Resolves when the server ends: with a reason, or null after `stop`. */
  ended: Promise<string | null>
}

export interface EmbeddedOptions {
  /** Made when absent; `postgres`, `postgres-password` and `lock` in it are this function's. */
  dataDir: string
  logger: Logger
  /** PostgreSQL settings beside the defaults, for example `{ shared_buffers: '256MB' }`. */
  settings?: Record<string, string>
}

const DATABASE = 'realchat'
/** Recovery after a power cut replays up to `max_wal_size` (1 GB). */
const START_PATIENCE_MS = 120_000
const POLL_MS = 20

/**
 * PostgreSQL as a child of this process on a free port of 127.0.0.1, durable, its data in `dataDir`.
 * @throws OperatorError when another process holds the folder, it cannot be written, or the disk is full
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir)
  const unlock = openFolder(dataDir)
  try {
    return await start(dataDir, options, unlock)
  } catch (error) {
    unlock()
    throw error
  }
}

/** Level by level: below /proc Node's own recursion never ends. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

function openFolder(dataDir: string): () => void {
  try {
    makeFolder(dataDir)
    return lockFolder(dataDir)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw OperatorError.because('DATA_DIR cannot be used', error)
  }
}

async function start(
  dataDir: string,
  { logger, settings = {} }: EmbeddedOptions,
  unlock: () => void,
): Promise<EmbeddedPostgres> {
  const programs = embeddedPrograms()
  const user = serverUser([programs.postgres, join(dataDir, 'postgres')])
  const { data, password } = await openCluster(dataDir, programs.initdb, user)
  await stopLeftover(data, logger)
  const port = await freeLoopbackPort()
  const socketFolder = socketFolderIn(data, port)
  const child = launchServer({ program: programs.postgres, data, port, socketFolder, user, logger, settings })
  const atExit = () => child.kill('SIGINT')
  process.on('exit', atExit)
  const server = watch(child, () => {
    process.off('exit', atExit)
    unlock()
  })
  const address = (database: string) => addressOf({ port, password, socketFolder, database })
  try {
    await createDatabase(address('postgres'), server.failure)
  } catch (error) {
    await server.stop()
    throw error
  }
  return { url: address(DATABASE), stop: server.stop, ended: server.ended }
}

/**
 * By a socket in its own folder where that has a short enough name: what goes through it costs a tenth less here
 * and there than over TCP, which stays open for an operator's tools.
 */
function addressOf(server: {
  port: number
  password: string
  socketFolder: string | null
  database: string
}): string {
  const { port, password, socketFolder, database } = server
  const address = `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
  return socketFolder === null ? address : `${address}?host=${encodeURIComponent(socketFolder)}`
}

interface WatchedServer {
  stop(): Promise<void>
  ended: Promise<string | null>
  /** Why it has ended, unasked; null while it runs. */
  failure(): string | null
}

function watch(child: ChildProcess, onEnd: () => void): WatchedServer {
  let said = ''
  let failure: string | null = null
  let stopping = false
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-SAID_CHARS)
  })
  const ended = new Promise<string | null>((resolve) => {
    const end = (why: string) => {
      onEnd()
      if (!stopping) failure = explain(said, why).message
      resolve(failure)
    }
    child.once('error', (error) => end(`it could not be started: ${error.message}`))
    child.once('close', (code, signal) => end(`it ended by itself (${signal ?? code})`))
  })
  const stop = async () => {
    stopping = true
    child.kill('SIGINT')
    await ended
  }
  return { stop, ended, failure: () => failure }
}

/** Waits until the server answers, and makes the database at the first start. */
async function createDatabase(address: string, failure: () => string | null): Promise<void> {
  const client = await connected(address, failure)
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}

async function connected(url: string, failure: () => string | null): Promise<pg.Client> {
  const deadline = Date.now() + START_PATIENCE_MS
  for (;;) {
    const client = new pg.Client({ connectionString: url, application_name: 'realchat-start' })
    try {
      await client.connect()
      return client
    } catch (cause) {
      const reason = failure()
      if (reason) throw new OperatorError(reason, { cause })
      if (Date.now() > deadline)
        throw new OperatorError(`PostgreSQL did not answer within ${START_PATIENCE_MS / 1000} s`, { cause })
      await sleep(POLL_MS)
    }
  }
}
