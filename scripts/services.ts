/**
 * Services for tests: `start` provides those that are missing, `stop` ends what was started here.
 * `left-out` prints, as JSON, which are missing and the test files that cannot run without them.
 * With `--keep` a later test run uses and leaves them. Any number of starts at once share one set.
 */
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockFolder } from '../internal/platform/folder-lock.ts'
import { OperatorError } from '../internal/platform/operator-error.ts'
import { canRunPython, leftOut } from '../internal/testkit/services/left-out.ts'
import { startServices, stopServices } from '../internal/testkit/services/start.ts'
import {
  availableServices,
  readState,
  SERVICE_NAMES,
  STATE_FOLDER,
} from '../internal/testkit/services/state.ts'

async function main([command, ...flags]: string[]): Promise<void> {
  if (command === 'start') return start(flags.includes('--keep'))
  if (command === 'stop') return stop(flags.includes('--unless-kept'))
  if (command === 'left-out') return console.log(JSON.stringify(leftOut(availableServices(), canRunPython())))
  console.error('Usage: services.ts start [--keep] | stop [--unless-kept] | left-out')
  process.exitCode = 2
}

async function start(keep: boolean): Promise<void> {
  try {
    const addresses = await startServices(keep, (line) => console.log(`  ${line}`))
    const absent = SERVICE_NAMES.filter((name) => !addresses[name])
    if (absent.length > 0) console.log(`  without ${absent.join(', ')}: tests that need them are left out`)
  } catch (error) {
    if (!readState()?.kept) await stopServices()
    throw error
  }
}

async function stop(unlessKept: boolean): Promise<void> {
  if (unlessKept && readState()?.kept) return console.log('  services go on running: npm run services:stop')
  await stopServices()
}

/** Waits for another `services.ts` of this checkout; a lock whose holder has died is taken over. */
async function lock(): Promise<() => void> {
  mkdirSync(STATE_FOLDER, { recursive: true })
  for (;;) {
    try {
      return lockFolder(STATE_FOLDER)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
    }
    await sleep(200)
  }
}

const unlock = await lock()
try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`  services: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  unlock()
}
