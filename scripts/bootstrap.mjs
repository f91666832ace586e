/** What start, test and dev share. Any Node from 18 on runs it before anything is installed. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = join(root, 'node_modules', '.bin')
/** The project's own Node, whatever the machine's is. */
export const node = join(root, 'node_modules', 'node', 'bin', 'node')
const LOCK_MARK = join(root, 'node_modules', '.realchat-installed')
const BUILD = ['-p', 'scripts/tsconfig.build.json']
const BUILD_MARK = join(root, 'dist', '.built-from')
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const OUTPUT_KEPT = 20_000
/** Without what npm has to say to developers: of engines, as the project brings its own Node, and of funds. */
const INSTALL = [
  'ci',
  '--include=dev',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  '--fetch-retry-maxtimeout=10000',
]

/** Ends this process with one line. */
export function fail(line, code = 1) {
  process.stderr.write(`${line}\n`)
  process.exit(code)
}

export function requireNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 18) fail(`RealChat needs Node 18 or newer to start; this is ${process.version}.`)
}

/** The environment in which the project's programs come first. */
export function environment() {
  return { ...process.env, PATH: `${bin}:${process.env.PATH}` }
}

const running = new Set()

/**
 * Runs a program to its end.
 * @param options `quiet`: its output is returned, not shown; `env`: added to the environment
 * @returns {Promise<{ code: number, output: string }>} of the output at least the end
 */
export function run(file, args, { quiet = false, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: root,
      env: { ...environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C reaches this process, which ends its children in order.
      detached: true,
    })
    running.add(child)
    let output = ''
    const take = (stream) => (chunk) => {
      output = (output + chunk).slice(-OUTPUT_KEPT)
      if (!quiet) stream.write(chunk)
    }
    child.stdout.on('data', take(process.stdout))
    child.stderr.on('data', take(process.stderr))
    child.on('error', (error) => resolve({ code: 127, output: error.message }))
    child.on('close', (code) => {
      running.delete(child)
      resolve({ code: code === null ? 1 : code, output })
    })
  })
}

/** Ends what `run` has started, with its children. */
export function endRunning(signal = 'SIGTERM') {
  for (const { pid } of running) process.kill(-pid, signal)
}

/** Runs what is begun anew at the next start: a signal ends it and this process. */
async function runDisposable(work) {
  const interrupt = () => {
    // npm ci goes on after a SIGTERM, beside the one of the next start.
    endRunning('SIGKILL')
    process.exit(130)
  }
  for (const signal of SIGNALS) process.on(signal, interrupt)
  try {
    return await work()
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt)
  }
}

/** npm as it was called, or the one in PATH. */
export function npm(args, options) {
  const script = process.env.npm_execpath
  return script ? run(process.execPath, [script, ...args], options) : run('npm', args, options)
}

const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const mtime = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** Installs what package-lock.json names, unless that is what is installed. */
export async function install() {
  const lockFile = join(root, 'package-lock.json')
  const wanted = sha256(readFileSync(lockFile))
  const installed = existsSync(LOCK_MARK) ? readFileSync(LOCK_MARK, 'utf8') : ''
  if (installed === wanted && existsSync(node)) return
  const byHand = mtime(join(root, 'node_modules', '.package-lock.json'))
  if (installed === '' && byHand > mtime(lockFile) && existsSync(node)) return
  console.log('Installing packages with npm ci (a minute the first time) ...')
  const { code, output } = await runDisposable(() => npm(INSTALL, { quiet: true }))
  if (code !== 0) fail(explainInstall(output))
  writeFileSync(LOCK_MARK, wanted)
}

function explainInstall(output) {
  if (/ENOSPC/.test(output)) return 'The disk is full: npm ci could not install the packages.'
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network/.test(output))
    return 'The package registry cannot be reached: npm ci needs the network, or a filled npm cache.'
  if (/EACCES|EPERM/.test(output)) return `npm ci may not write to ${root}: check who owns it.`
  return `${output.trimEnd()}\nnpm ci failed; its words are above.`
}

/** Builds to dist unless that was built from these very files. */
export async function build() {
  const sources = signature()
  if (existsSync(BUILD_MARK) && readFileSync(BUILD_MARK, 'utf8') === sources) return
  console.log('Building ...')
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const { code, output } = await runDisposable(() => run(join(bin, 'tsc'), BUILD))
  if (code !== 0) fail(/ENOSPC/.test(output) ? 'The disk is full: the build failed.' : 'The build failed.')
  writeFileSync(BUILD_MARK, sources)
}

/** Changes when a source file is added, removed or written. */
function signature() {
  const lines = ['tsconfig.json', 'scripts/tsconfig.build.json'].map((file) => line(join(root, file)))
  for (const folder of ['cmd', 'internal']) collect(join(root, folder), lines)
  return sha256(lines.join('\n'))
}

function collect(folder, lines) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) collect(path, lines)
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) lines.push(line(path))
  }
}

function line(path) {
  const { size, mtimeMs } = statSync(path)
  return `${path.slice(root.length)} ${size} ${mtimeMs}`
}

/** One Ctrl-C can arrive twice: from the terminal and from npm. */
const ECHO_MS = 500

/** Becomes the program: its output, its exit code, and every signal goes to it. */
export function handOver(args) {
  const child = spawn(node, args, { cwd: root, env: environment(), stdio: 'inherit', detached: true })
  let last = { signal: '', at: 0 }
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (last.signal === signal && Date.now() - last.at < ECHO_MS) return
      last = { signal, at: Date.now() }
      child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal)
    })
  }
  child.on('error', (error) => fail(`Node 24 could not be started: ${error.message}`))
  child.on('close', (code, signal) =>
    code === null ? fail(`The server was ended by ${signal}.`) : process.exit(code),
  )
}
