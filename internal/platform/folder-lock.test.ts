import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { lockFolder } from './folder-lock.ts'
import { processIdentity } from './process-identity.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('lockFolder', () => {
  it('lets one in at a time', () => {
    const unlock = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(`${folder} is in use by process ${process.pid}`)
    unlock()
    expect(existsSync(join(folder, 'lock'))).toBe(false)
    lockFolder(folder)()
  })

  it('takes over from a process that ended, and from one whose number is used again', () => {
    const ended = spawnSync(process.execPath, ['-e', '']).pid
    for (const holder of [`${ended} 1\n`, `${process.pid} another time\n`, '']) {
      writeFileSync(join(folder, 'lock'), holder)
      const unlock = lockFolder(folder)
      expect(readFileSync(join(folder, 'lock'), 'utf8')).toBe(
        `${process.pid} ${processIdentity(process.pid)}\n`,
      )
      unlock()
    }
  })
})
