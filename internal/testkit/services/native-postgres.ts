import { execFileSync } from 'node:child_process'
import { chownSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { NativeService } from './native.ts'
import { findProgram, freePorts, isRoot, launch, untilReady, versionsIn } from './processes.ts'

/** Durability is off: a test database does not outlive its run. */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300']

function findInitdb(): string | null {
  return findProgram(
    'initdb',
    versionsIn('/usr/lib/postgresql').map((folder) => join(folder, 'bin')),
  )
}

export const nativePostgres: NativeService<'postgres'> = {
  label: 'PostgreSQL',
  packages: ['postgresql'],
  installed: () => findInitdb() !== null,
  async start(folder, started) {
    const initdb = findInitdb()
    if (!initdb) throw new Error('initdb was not found')
    const user = isRoot ? 'postgres' : undefined
    if (user) chownSync(folder, userId(user, 'u'), userId(user, 'g'))
    const data = join(folder, 'data')
    const init = [
      initdb,
      '-D',
      data,
      '-A',
      'trust',
      '-U',
      'postgres',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
      '--no-sync',
    ]
    const as = user ? ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups'] : []
    const [file = '', ...args] = [...as, ...init]
    execFileSync(file, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })

    const [port] = await freePorts(1)
    const logFile = join(folder, 'postgres.log')
    const all = [...SETTINGS, 'listen_addresses=127.0.0.1', `unix_socket_directories=${data}`]
    const record = launch({
      command: join(dirname(initdb), 'postgres'),
      args: ['-D', data, '-p', String(port), ...all.flatMap((setting) => ['-c', setting])],
      logFile,
      user,
    })
    started(record)
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`
    await untilReady('PostgreSQL', record, logFile, () => answersPostgres(url))
    return { url }
  },
}

/** The one that comes as a package, for machines where no other can be had. */
export const embeddedPostgres: NativeService<'postgres'> = {
  label: 'PostgreSQL (embedded)',
  packages: [],
  installed: () => true,
  async start(folder, started) {
    const logFile = join(folder, 'child.log')
    const program = fileURLToPath(new URL('../embedded-child.ts', import.meta.url))
    const record = launch({
      command: process.execPath,
      args: [program, join(folder, 'data'), ...SETTINGS],
      logFile,
    })
    started(record)
    const address = () => /^postgres:.*$/m.exec(readFileSync(logFile, 'utf8'))?.[0] ?? ''
    await untilReady('PostgreSQL', record, logFile, () => answersPostgres(address()))
    return { url: address() }
  },
}

/** @throws when no query can be made */
export async function answersPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  await client.query('select 1').finally(() => client.end())
}

/** The number of a system user (`u`) or of its group (`g`). */
export function userId(name: string, kind: 'u' | 'g'): number {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
  const id = line?.split(':')[kind === 'u' ? 2 : 3]
  if (id === undefined) throw new Error(`there is no system user ${name}`)
  return Number(id)
}
