import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { OperatorError } from '../../platform/operator-error.ts'
import type { ServerUser } from './embedded-user.ts'

/** Of what a program says, kept for its explanation: the cause can come long before the end. */
export const SAID_CHARS = 256_000

/** A new cluster takes 40 MB; asked for beforehand, as PostgreSQL's own words do not name the cause. */
const NEEDED_BYTES = 64 * 2 ** 20

export interface Cluster {
  /** PostgreSQL's data folder. */
  data: string
  password: string
}

/** The cluster in `dataDir`, made at the first call; what an interrupted one left behind is removed. */
export async function openCluster(dataDir: string, initdb: string, user: ServerUser): Promise<Cluster> {
  const data = join(dataDir, 'postgres')
  const passwordFile = join(dataDir, 'postgres-password')
  if (existsSync(data)) return { data, password: readFileSync(passwordFile, 'utf8').trim() }
  refuseFullDisk(dataDir)
  const password = randomBytes(24).toString('base64url')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  const unfinished = `${data}.new`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  if (user.ids) chownSync(unfinished, user.ids.uid, user.ids.gid)
  await initialise(unfinished, password, initdb, user)
  renameSync(unfinished, data)
  return { data, password }
}

function refuseFullDisk(folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < NEEDED_BYTES)
    throw new OperatorError(
      `The disk is full: ${folder} needs ${NEEDED_BYTES / 2 ** 20} MB for a new database`,
    )
}

async function initialise(data: string, password: string, initdb: string, user: ServerUser): Promise<void> {
  // Beside the data folder, which has to be empty, under a name of its own that only its reader may open.
  const pwfile = `${data}-password`
  writeFileSync(pwfile, `${password}\n`, { mode: 0o600 })
  if (user.ids) chownSync(pwfile, user.ids.uid, user.ids.gid)
  try {
    const args = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${pwfile}`]
    await run(user, initdb, [...args, '-E', 'UTF8', '--locale=C', '--data-checksums'])
  } finally {
    rmSync(pwfile, { force: true })
  }
}

function run(user: ServerUser, program: string, programArgs: string[]): Promise<void> {
  const { file, args, options } = user.command(program, programArgs)
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-SAID_CHARS)
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(explain(said, 'the database could not be created'))
    })
  })
}

/** One line for what an operator can mend, from what PostgreSQL said. */
export function explain(said: string, what: string): OperatorError {
  if (/No space left on device/.test(said)) return new OperatorError(`The disk is full: ${what}`)
  const line = said.split('\n').findLast((line) => /FATAL|PANIC|error:/.test(line))
  return new OperatorError(`PostgreSQL: ${what}: ${line?.trim() || said.trim() || 'it said nothing'}`)
}
