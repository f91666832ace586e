import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { Health } from '../internal/platform/health.ts'
import { HttpListener } from '../internal/platform/http-listener.ts'
import { createLogger } from '../internal/platform/logger.ts'
import { Metrics } from '../internal/platform/metrics.ts'
import { operationsServer } from '../internal/platform/operations.ts'
import { ours, readCompose, readProject } from './compose.ts'
import { lintDockerfile, parseDockerfile } from './dockerfile.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** What the final stage copies (built files excepted) into `image`, as its COPY instructions say. */
function layOut(image: string): void {
  const final = parseDockerfile(readProject('Dockerfile')).at(-1)
  for (const { text } of final?.instructions.filter(({ name }) => name === 'COPY') ?? []) {
    const sources = text.split(/\s+/).filter((word) => !word.startsWith('--'))
    const target = sources.pop() ?? ''
    for (const source of sources.map((word) => word.replace('/app/', ''))) {
      const place = join(image, target.endsWith('/') ? join(target, basename(source)) : target)
      mkdirSync(dirname(place), { recursive: true })
      if (source === 'node_modules') symlinkSync(join(ROOT, source), place)
      else if (source !== 'dist') cpSync(join(ROOT, source), place, { recursive: true })
    }
  }
}

describe('the Dockerfiles', () => {
  it.each(['Dockerfile', 'Dockerfile.dev'])('%s has no faults', (path) => {
    expect(lintDockerfile(readProject(path))).toEqual([])
  })

  it.each(['Dockerfile', 'Dockerfile.dev'])('%s copies what .dockerignore lets through', (path) => {
    const letThrough = readProject('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
    const copied = parseDockerfile(readProject(path))
      .flatMap(({ instructions }) => instructions)
      .filter(({ name, text }) => name === 'COPY' && !text.includes('--from'))
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1))
      .filter((word) => !word.startsWith('--'))
    expect(copied.length).toBeGreaterThan(1)
    expect(copied.filter((source) => !letThrough.includes(source))).toEqual([])
  })

  it.each([
    ['FROM node:24', 'FROM node:24.21.0-bookworm-slim', 'FROM node:24: not pinned to a version'],
    ['USER root', 'USER node', 'USER: runs as root'],
    ['ADD migrations', 'COPY migrations', 'ADD: use COPY'],
    ['COPY . .', 'COPY migrations migrations', 'COPY: name what is copied, not .'],
    ['CMD node x', 'CMD [', 'CMD: the shell form does not pass signals on'],
    ['ENV SECRET_KEY=x ', 'ENV ', 'ENV: a secret in the image'],
    ['COPY internal /\nRUN npm ci', 'RUN npm ci', 'RUN npm ci: after the sources are copied'],
    ['RUN apt-get install -y tini', 'RUN apt-get update', 'RUN apt-get install: without apt-get update'],
  ])('are refused with %s', (fault, instead, message) => {
    const broken = readProject('Dockerfile').replaceAll(instead, fault)
    expect(lintDockerfile(broken)).toContain(message)
  })
})

describe('what the image runs', () => {
  const image = mkdtempSync(join(tmpdir(), 'realchat-image-'))
  afterAll(() => rmSync(image, { recursive: true }))

  beforeAll(() => {
    const tsc = join(ROOT, 'node_modules/.bin/tsc')
    // Types are checked elsewhere; what is built is the same.
    const args = ['-p', 'scripts/tsconfig.build.json', '--noCheck', '--outDir', join(image, 'dist')]
    expect(spawnSync(tsc, args, { cwd: ROOT }).stdout.toString()).toBe('')
    layOut(image)
  }, 120_000)

  const cmd = parseDockerfile(readProject('Dockerfile'))
    .at(-1)
    ?.instructions.find(({ name }) => name === 'CMD')
  const commands = [
    z.array(z.string()).parse(JSON.parse(cmd?.text ?? '')),
    ...ours(readCompose('docker-compose.yml')).map(([, { command }]) => command ?? []),
  ].map((command) => command.join(' '))

  it.each([...new Set(commands)])('%s', (command) => {
    const [program = '', script = ''] = command.split(' ')
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(readProject('package.json')))
    expect(program).toBe('node')
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--version'], { cwd: image })
    expect([status, stderr.toString(), stdout.toString()]).toEqual([0, '', expect.stringContaining(version)])
  })

  it('scripts/migrate.sh --help', () => {
    const { status, stdout } = spawnSync('sh', ['scripts/migrate.sh', '--help'], { cwd: image })
    expect([status, stdout.toString()]).toEqual([0, expect.stringContaining('up')])
  })

  it('has the sources that development runs', () => {
    for (const [, { command }] of ours(readCompose('docker-compose.dev.yml'))) {
      const script = command?.find((word) => word.endsWith('.ts'))
      if (script) expect([script, existsSync(join(ROOT, script))]).toEqual([script, true])
    }
  })

  it('scripts/healthcheck.mjs tells a live process from a dead one', async () => {
    const clock = { now: () => Date.now() }
    const operations = {
      health: new Health({ checks: [], clock }),
      metrics: new Metrics('api'),
      version: '0',
    }
    const server = new HttpListener(
      operationsServer(operations),
      { host: '127.0.0.1', port: 0 },
      createLogger({ name: 'test', level: 'silent' }),
    )
    const stop = new AbortController()
    let running = Promise.resolve()
    await new Promise<void>((ready) => {
      running = server.run(stop.signal, ready)
    })
    const port = String(server.port)
    const check = async () => {
      const child = spawn(process.execPath, ['scripts/healthcheck.mjs'], { cwd: image, env: { PORT: port } })
      return new Promise((resolve) => child.once('close', resolve))
    }
    expect(await check()).toBe(0)
    stop.abort()
    await running
    expect(await check()).toBe(1)
  })
})
