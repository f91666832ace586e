import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import {
  fingerprint,
  migrationStatus,
  migrationsToRevert,
  pendingMigrations,
  readMigrations,
} from './plan.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

function folderWith(...files: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  folders.push(folder)
  for (const file of files) writeFileSync(join(folder, file), `-- ${file}`)
  return folder
}

const migration = (name: string, checksum = 'a') => ({ name, checksum, up: '', down: '' })
const [one, two, three] = [migration('0001_one'), migration('0002_two'), migration('0003_three')]

describe('readMigrations', () => {
  it('reads pairs in order of their numbers', () => {
    const folder = folderWith('0010_b.up.sql', '0010_b.down.sql', '0002_a.down.sql', '0002_a.up.sql')
    const read = readMigrations(folder)
    expect(read.map(({ name }) => name)).toEqual(['0002_a', '0010_b'])
    expect(read[0]?.down).toBe('-- 0002_a.down.sql')
  })

  it.each([
    [['0001_a.up.sql'], '0001_a has no .down file'],
    [['0001_a.down.cql'], '0001_a has no .up file'],
    [['0001_a.sql'], '0001_a.sql is not named'],
    [['0001_a.up.sql', '0001_a.down.sql', '0001_b.up.sql', '0001_b.down.sql'], '0001_b has a number'],
  ])('refuses %j by name', (files, message) => {
    expect(() => readMigrations(folderWith(...files))).toThrow(message)
  })

  it('changes its fingerprint with a checksum', () => {
    expect(fingerprint([one, two])).not.toBe(fingerprint([one, migration('0002_two', 'b')]))
  })
})

describe('pendingMigrations', () => {
  it('gives what follows the last applied one', () => {
    expect(pendingMigrations([one, two, three], [one])).toEqual([two, three])
    expect(pendingMigrations([one], [one])).toEqual([])
  })

  it('refuses by name what changed, is missing, or would come too late', () => {
    expect(() => pendingMigrations([one], [migration('0001_one', 'b')])).toThrow('0001_one was changed')
    expect(() => pendingMigrations([one], [one, two])).toThrow(
      '0002_two was applied, but its file is missing',
    )
    expect(() => pendingMigrations([one, two], [two])).toThrow('0001_one is out of order: 0002_two')
  })
})

it('takes back from the newest', () => {
  expect(migrationsToRevert([one, two, three], [one, two], 1)).toEqual([two])
  expect(migrationsToRevert([one, two, three], [one, two], 9)).toEqual([two, one])
})

it('shows every state, refusing nothing', () => {
  const applied = [migration('0001_one', 'b'), two, migration('0004_gone')]
  expect(migrationStatus([one, two, three], applied).map(({ state }) => state)).toEqual([
    'changed',
    'applied',
    'pending',
    'missing',
  ])
})
