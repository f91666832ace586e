import { execFile, spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installPackages } from './services/packages.ts'
import { findProgram } from './services/processes.ts'

const CACHE = join(homedir(), '.cache', 'realchat')
const run = promisify(execFile)

/**
 * A Python with what the requirements name, installed once per machine; Python comes from apt where it is missing.
 * @param name of this set of packages, versions included
 */
export async function pythonWith(name: string, requirements: string): Promise<string> {
  const folder = join(CACHE, name)
  const python = join(folder, 'bin', 'python')
  // Written last, so that an installation cut short is never taken for a whole one.
  const complete = join(folder, 'complete')
  if (existsSync(complete)) return python
  if (spawnSync('python3', ['-c', 'import venv, ensurepip']).status !== 0) {
    installPackages(['python3', 'python3-venv'])
  }
  rmSync(folder, { recursive: true, force: true })
  await run(findProgram('python3') ?? 'python3', ['-m', 'venv', folder])
  const flags = ['--quiet', '--disable-pip-version-check', '--requirement', requirements]
  await run(join(folder, 'bin', 'pip'), ['install', ...flags])
  writeFileSync(complete, '')
  return python
}
