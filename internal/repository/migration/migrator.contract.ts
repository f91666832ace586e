import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { MigrationStatus } from './plan.ts'

/** One empty store and a migrator bound to it. */
export interface MigratorUnderTest {
  up(folder: string): Promise<string[]>
  down(folder: string, steps: number): Promise<string[]>
  status(folder: string): Promise<MigrationStatus[]>
  /** Names of the tables that exist, `schema_migrations` aside. */
  tables(): Promise<string[]>
}

/** @param fresh gives an empty store each time; `ending` is that of its files */
export function migratorContract(ending: 'sql' | 'cql', fresh: () => Promise<MigratorUnderTest>): void {
  describe('migrator', () => {
    let folder: string
    let store: MigratorUnderTest
    const up = (name: string) => join(folder, `${name}.up.${ending}`)
    const down = (name: string) => join(folder, `${name}.down.${ending}`)
    const write = (name: string, table: string) => {
      writeFileSync(up(name), `create table if not exists ${table} (id int primary key);\n`)
      writeFileSync(down(name), `drop table if exists ${table};\n`)
    }

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'migrations-'))
      store = await fresh()
      write('0001_first', 'first')
      write('0002_second', 'second')
    })
    afterEach(() => rmSync(folder, { recursive: true }))

    it('lets ten run at once, of which one does each', async () => {
      const applied = await Promise.all(Array.from({ length: 10 }, () => store.up(folder)))
      expect(applied.flat().sort()).toEqual(['0001_first', '0002_second'])
      expect(await store.tables()).toEqual(['first', 'second'])
      expect((await store.status(folder)).map(({ state }) => state)).toEqual(['applied', 'applied'])
    })

    it('goes down one step, then up again', async () => {
      await store.up(folder)
      expect(await store.down(folder, 1)).toEqual(['0002_second'])
      expect(await store.tables()).toEqual(['first'])
      expect(await store.up(folder)).toEqual(['0002_second'])
      expect(await store.down(folder, 5)).toEqual(['0002_second', '0001_first'])
      expect(await store.tables()).toEqual([])
    })

    it('refuses by name a migration that changed, is missing, or comes too late', async () => {
      await store.up(folder)
      appendFileSync(up('0001_first'), '-- changed\n')
      await expect(store.up(folder)).rejects.toThrow('0001_first was changed')
      await expect(store.down(folder, 1)).rejects.toThrow('0001_first was changed')
      rmSync(up('0001_first'))
      rmSync(down('0001_first'))
      await expect(store.up(folder)).rejects.toThrow('0001_first was applied, but its file is missing')
      write('0001_first', 'first')
      write('0000_late', 'late')
      await expect(store.up(folder)).rejects.toThrow('0000_late is out of order')
      expect(await store.tables()).toEqual(['first', 'second'])
    })

    it('keeps what succeeded before a failure and names what failed', async () => {
      writeFileSync(up('0003_broken'), 'creat table broken;')
      writeFileSync(down('0003_broken'), '')
      await expect(store.up(folder)).rejects.toThrow('migration 0003_broken failed')
      write('0003_broken', 'mended')
      expect(await store.up(folder)).toEqual(['0003_broken'])
      expect(await store.tables()).toEqual(['first', 'mended', 'second'])
    })
  })
}
