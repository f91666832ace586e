/** `npm test`: installs what is missing, provides services, checks and tests everything. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { endRunning, install, node, npm, requireNode, root, run } from './bootstrap.mjs'

const RESULT = join(root, '.services', 'jest.json')
const SERVICES = join(root, 'scripts', 'services.ts')
/** How long the test runner may take to end after its result is there: what keeps it is a leak. */
const EXIT_PATIENCE_MS = 60_000
const keep = process.env.KEEP_SERVICES === '1'
const failedPhases = []

/** Runs one phase, naming it with its seconds; a failure is counted and the next phase goes on. */
async function phase(name, work) {
  const begun = Date.now()
  const { code, output } = await work()
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  if (code !== 0) {
    failedPhases.push(name)
    if (output) process.stdout.write(output)
  }
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  return code === 0
}

const quiet = { quiet: true }
const services = (...args) => run(node, [SERVICES, ...args])

async function jest() {
  const { missing, files } = JSON.parse((await run(node, [SERVICES, 'left-out'], quiet)).output)
  if (files.length > 0) {
    console.log(`Left out ${files.length} test files, for want of ${missing.join(', ')}: run Docker, or see`)
    console.log('CONTRIBUTING.md for the variables that name services of your own.')
  }
  const ignored = files.flatMap((file) => ['--testPathIgnorePatterns', `${file}$`])
  mkdirSync(join(root, '.services'), { recursive: true })
  rmSync(RESULT, { force: true })
  const jestFlags = ['node_modules/jest/bin/jest.js', '--json', `--outputFile=${RESULT}`, '--ci', ...ignored]
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', ...jestFlags]
  const watch = endWhenStuck()
  await phase('tests', async () => ({
    ...(await run(node, [...flags, ...process.argv.slice(2)])),
    output: '',
  }))
  clearInterval(watch)
  return files.length
}

function endWhenStuck() {
  let since = 0
  return setInterval(() => {
    if (!existsSync(RESULT)) return
    since = since || Date.now()
    if (Date.now() - since < EXIT_PATIENCE_MS) return
    console.log('The test runner has its result but does not end: a test leaves something open.')
    endRunning()
  }, 1000)
}

/** The last line; `leftOut` test files count as skipped, failed phases and files that did not load as failed. */
function summary(leftOut) {
  const result = existsSync(RESULT) ? JSON.parse(readFileSync(RESULT, 'utf8')) : {}
  const checks = failedPhases.filter((name) => name !== 'tests')
  const broken = (result.numRuntimeErrorTestSuites || 0) + (existsSync(RESULT) ? 0 : 1)
  const failed = (result.numFailedTests || 0) + broken + checks.length
  const skipped = (result.numPendingTests || 0) + (result.numTodoTests || 0) + leftOut
  if (failedPhases.length > 0) console.log(`Failed: ${failedPhases.join(', ')}`)
  const tail = skipped > 0 ? `, ${skipped} skipped` : ''
  console.log(`${result.numPassedTests || 0} passed, ${failed} failed${tail}`)
  return failedPhases.length === 0 && failed === 0 && !(process.env.CI === 'true' && leftOut > 0) ? 0 : 1
}

let interrupted = false
async function interrupt() {
  if (interrupted) return
  interrupted = true
  endRunning()
  if (existsSync(node)) await services('stop', '--unless-kept')
  process.exit(130)
}

requireNode()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt)
await install()
const soak = process.env.SOAK === '1'
const provided = phase('services', async () => ({
  ...(await services('start', ...(keep ? ['--keep'] : []))),
  output: '',
}))
if (!soak) {
  await phase('lint', () => npm(['run', '--silent', 'lint'], quiet))
  await phase('types', () => npm(['run', '--silent', 'typecheck'], quiet))
  await phase('architecture', () => npm(['run', '--silent', 'arch'], quiet))
}
let leftOut = 0
if (await provided) leftOut = await jest()
if (!interrupted) {
  await services('stop', '--unless-kept')
  process.exitCode = summary(leftOut)
}
