import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../../internal/platform/error-code.ts'

/** The key of this data folder, made at the first start and readable by its owner only. */
export function secretKeyIn(dataDir: string): string {
  const path = join(dataDir, 'secret-key')
  try {
    writeFileSync(path, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
  return readFileSync(path, 'utf8')
}
