import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OperatorError } from '../../platform/operator-error.ts'

export interface Migration {
  /** File name without direction and ending, for example `0001_identity`; sorts in order of application. */
  name: string
  up: string
  down: string
  /** SHA-256 of the `up` file, hexadecimal. */
  checksum: string
}

export interface AppliedMigration {
  name: string
  checksum: string
}

/** The files and what the database records do not fit together; the message names the migration. */
export class MigrationError extends OperatorError {
  override readonly name = 'MigrationError'
}

const FILE = /^(\d{4}_[a-z0-9_]+)\.(up|down)\.(sql|cql)$/

/** The folder of a store's migrations, seen from the source tree or from `dist`. */
export function migrationsFolder(store: 'postgres' | 'cassandra'): string {
  for (const up of ['../../../migrations/', '../../../../migrations/']) {
    const folder = fileURLToPath(new URL(up + store, import.meta.url))
    if (existsSync(folder)) return folder
  }
  throw new MigrationError(`no folder migrations/${store} beside the program`)
}

/**
 * Reads a folder of `NNNN_name.up.sql` and `NNNN_name.down.sql` (or `.cql`) files, in order.
 * @throws MigrationError for a file with another name, a half without its other, or a number used twice.
 */
export function readMigrations(folder: string): Migration[] {
  const halves = new Map<string, { up?: string; down?: string }>()
  for (const file of readdirSync(folder).filter((file) => !file.startsWith('.'))) {
    const [, name, direction] = FILE.exec(file) ?? []
    if (!name || !direction)
      throw new MigrationError(`${file} is not named NNNN_name.up or .down.sql or .cql`)
    const text = readFileSync(join(folder, file), 'utf8')
    halves.set(name, { ...halves.get(name), [direction]: text })
  }
  const names = [...halves.keys()].sort()
  const twice = names.find((name, i) => names[i - 1]?.slice(0, 4) === name.slice(0, 4))
  if (twice) throw new MigrationError(`${twice} has a number that another migration has`)
  return names.map((name) => whole(name, halves.get(name) ?? {}))
}

function whole(name: string, { up, down }: { up?: string; down?: string }): Migration {
  if (up === undefined) throw new MigrationError(`${name} has no .up file`)
  if (down === undefined) throw new MigrationError(`${name} has no .down file`)
  return { name, up, down, checksum: createHash('sha256').update(up).digest('hex') }
}

/** One text that changes when any migration does. */
export function fingerprint(migrations: readonly Migration[]): string {
  const all = migrations.map(({ name, checksum }) => `${name} ${checksum}\n`).join('')
  return createHash('sha256').update(all).digest('hex')
}

/**
 * What is left to apply, in order.
 * @throws MigrationError when an applied migration has changed or is missing, or a new one would have to go
 *   before one that was applied.
 */
export function pendingMigrations(
  files: readonly Migration[],
  applied: readonly AppliedMigration[],
): Migration[] {
  const byName = new Map(files.map((file) => [file.name, file]))
  for (const { name, checksum } of applied) {
    const file = byName.get(name)
    if (!file) throw new MigrationError(`${name} was applied, but its file is missing`)
    if (file.checksum !== checksum) throw new MigrationError(`${name} was changed after it had been applied`)
  }
  const done = new Set(applied.map(({ name }) => name))
  const last = [...done].sort().at(-1) ?? ''
  const pending = files.filter(({ name }) => !done.has(name))
  const late = pending.find(({ name }) => name < last)
  if (late) throw new MigrationError(`${late.name} is out of order: ${last} was applied before it`)
  return pending
}

/**
 * The last `steps` applied migrations, newest first.
 * @throws MigrationError as {@link pendingMigrations}.
 */
export function migrationsToRevert(
  files: readonly Migration[],
  applied: readonly AppliedMigration[],
  steps: number,
): Migration[] {
  pendingMigrations(files, applied)
  const done = new Set(applied.map(({ name }) => name))
  return files
    .filter(({ name }) => done.has(name))
    .reverse()
    .slice(0, steps)
}

export interface MigrationStatus {
  name: string
  state: 'applied' | 'pending' | 'changed' | 'missing'
}

/** Every migration known to the files or the database, in order; refuses nothing. */
export function migrationStatus(
  files: readonly Migration[],
  applied: readonly AppliedMigration[],
): MigrationStatus[] {
  const checksums = new Map(applied.map(({ name, checksum }) => [name, checksum]))
  const known = new Map(files.map(({ name, checksum }) => [name, checksum]))
  const names = [...new Set([...known.keys(), ...checksums.keys()])].sort()
  return names.map((name) => {
    const recorded = checksums.get(name)
    if (recorded === undefined) return { name, state: 'pending' }
    if (!known.has(name)) return { name, state: 'missing' }
    return { name, state: known.get(name) === recorded ? 'applied' : 'changed' }
  })
}
