import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './error-code.ts'
import { OperatorError } from './operator-error.ts'
import { processIdentity } from './process-identity.ts'

/**
 * Makes this process the only one that uses a folder; a lock whose holder has died is taken over.
 * @returns gives the folder back
 * @throws OperatorError naming the process that holds it
 */
export function lockFolder(folder: string): () => void {
  const file = join(folder, 'lock')
  const own = `${process.pid} ${processIdentity(process.pid)}\n`
  while (!created(file, own)) {
    const holder = read(file)
    if (holder === null) continue
    const [pid = '', identity = ''] = holder.trim().split(/ (.*)/)
    if (identity !== '' && processIdentity(Number(pid)) === identity)
      throw new OperatorError(
        `${folder} is in use by process ${pid}: stop it, or set DATA_DIR to another folder`,
      )
    // Only the text that was judged is removed: two that find the same dead holder cannot both win,
    // as each then creates the file anew and one of them fails.
    if (read(file) === holder) rmSync(file, { force: true })
  }
  return () => {
    if (read(file) === own) rmSync(file, { force: true })
  }
}

function created(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}
