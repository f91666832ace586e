import { execFileSync, type SpawnOptions } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { OperatorError } from '../../platform/operator-error.ts'

/** Who PostgreSQL runs as; it refuses root, so root has a system user made for it. */
export interface ServerUser {
  /** Null for this process's own user. */
  ids: { uid: number; gid: number } | null
  /** The command line and options that run `command` as that user. */
  command(command: string, args: string[]): { file: string; args: string[]; options: SpawnOptions }
}

const NAME = 'postgres'

/** @param paths what the user has to reach: programs and data */
export function serverUser(paths: string[]): ServerUser {
  if (process.getuid?.() !== 0) return { ids: null, command: (file, args) => ({ file, args, options: {} }) }
  const ids = lookUp() ?? create()
  if (paths.every((path) => reachable(path, ids)))
    return { ids, command: (file, args) => ({ file, args, options: ids }) }
  // Root's home is closed to other users. One capability lets the server pass through it, and nothing more.
  const capability = '+dac_read_search'
  const as = [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups']
  const through = [`--inh-caps=${capability}`, `--ambient-caps=${capability}`]
  try {
    execFileSync('setpriv', [...as, ...through, 'true'], { stdio: 'ignore' })
  } catch (cause) {
    throw new OperatorError(
      `PostgreSQL, which cannot run as root, cannot reach ${paths.join(' and ')} as user ${NAME}: ` +
        'use folders that others may enter, or another user than root',
      { cause },
    )
  }
  return {
    ids,
    command: (file, args) => ({ file: 'setpriv', args: [...as, ...through, file, ...args], options: {} }),
  }
}

function lookUp(): { uid: number; gid: number } | null {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , uid, gid] = lines.find((line) => line.startsWith(`${NAME}:`))?.split(':') ?? []
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : null
}

function create(): { uid: number; gid: number } {
  try {
    const shell = ['--no-create-home', '--shell', '/usr/sbin/nologin']
    execFileSync('useradd', ['--system', '--user-group', ...shell, NAME], { stdio: 'ignore' })
  } catch (cause) {
    throw new OperatorError(`PostgreSQL cannot run as root, and no system user ${NAME} could be made`, {
      cause,
    })
  }
  const ids = lookUp()
  if (!ids) throw new OperatorError(`the system user ${NAME} was made but is not in /etc/passwd`)
  return ids
}

/** Whether the user may enter every folder above the path. */
function reachable(path: string, { uid, gid }: { uid: number; gid: number }): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid: owner, gid: group } = statSync(folder)
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (folder === dirname(folder)) return true
  }
}
