import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { checkSource } from './check-sources.ts'
import rules from './dependency-rules.ts'

type Files = Record<string, string>

/** A small project that keeps every rule; the plants below are added to it. */
const CLEAN: Files = {
  'cmd/api/main.ts': "import 'inversify'\nimport '../../internal/config/config.ts'\n",
  'internal/config/config.ts': 'export type Config = { port: number }\n',
  'internal/domain/user.ts': "import 'node:crypto'\nexport type User = { id: string }\n",
  'internal/domain/user.test.ts': "import '@jest/globals'\nimport '../testkit/services.ts'\n",
  'internal/platform/clock.ts': 'export const now = 1\n',
  'internal/platform/cli.ts': "import '../config/config.ts'\n",
  'internal/platform/tracking.ts': "export const load = () => import('@sentry/node')\n",
  'internal/service/user/ports.ts':
    "import type { User } from '../../domain/user.ts'\nexport type Users = User\n",
  'internal/service/user/service.ts': "import './ports.ts'\nimport '../../platform/clock.ts'\nimport 'zod'\n",
  'internal/repository/postgres/user.ts':
    "import 'pg'\nimport type { Users } from '../../service/user/ports.ts'\nexport type U = Users\n",
  'internal/repository/redis/bus.ts':
    "import type { Bus } from '../../realtime/ports.ts'\nexport type B = Bus\n",
  'internal/queue/rabbitmq/queue.ts': "import 'amqplib'\n",
  'internal/realtime/index.ts': "import './socket.ts'\nexport const hub = 1\n",
  'internal/realtime/socket.ts': "import 'ws'\nimport 'node:net'\n",
  'internal/realtime/ports.ts': 'export type Bus = 1\n',
  'internal/relay/relay.ts': "import '../domain/user.ts'\n",
  'internal/api/http/user.ts':
    "import 'express'\nimport '../../service/user/service.ts'\nimport '../../realtime/index.ts'\n",
  'internal/notifier/push.ts': "import 'firebase-admin'\nimport '../service/user/ports.ts'\n",
  'internal/testkit/services.ts': "import '../repository/postgres/user.ts'\nimport 'testcontainers'\n",
}

/** One violation per rule; `sees` rules once more by a type-only import. */
const PLANTS: Record<string, Files> = {
  'no-cycles': {
    'internal/platform/a.ts': "import type { B } from './b.ts'\nexport type A = B\n",
    'internal/platform/b.ts': "import './a.ts'\nexport type B = 1\n",
  },
  'no-unresolvable': { 'internal/platform/lost.ts': "import './nowhere.ts'\n" },
  'cmd-is-outermost': { 'internal/platform/up.test.ts': "import '../../cmd/api/main.ts'\n" },
  'inversify-only-in-cmd': { 'internal/api/wired.ts': "import 'inversify'\n" },
  'config-only-in-cmd': {
    'internal/platform/env.ts': "import type { Config } from '../config/config.ts'\nexport type E = Config\n",
  },
  'domain-imports-nothing': { 'internal/domain/schema.ts': "import 'zod'\n" },
  'config-sees-only-its-own': { 'internal/config/bad.ts': "import '../domain/user.ts'\n" },
  'platform-sees-only-its-own': {
    'internal/platform/chat.ts': "import type { User } from '../domain/user.ts'\nexport type P = User\n",
  },
  'service-sees-only-its-own': { 'internal/service/user/bad.ts': "import '../../realtime/socket.ts'\n" },
  'repository-sees-only-its-own': {
    'internal/repository/postgres/bad.ts': "import '../../service/user/service.ts'\n",
  },
  'queue-sees-only-its-own': { 'internal/queue/bad.ts': "import '../repository/postgres/user.ts'\n" },
  'realtime-stands-alone': {
    'internal/realtime/bad.ts':
      "import type { now } from '../platform/clock.ts'\nexport type N = typeof now\n",
    'internal/realtime/schema.ts': "import 'zod'\n",
  },
  'realtime-by-its-index': { 'internal/api/ws/inner.ts': "import '../../realtime/socket.ts'\n" },
  'relay-sees-only-its-own': { 'internal/relay/bad.ts': "import '../queue/rabbitmq/queue.ts'\n" },
  'api-sees-only-its-own': {
    'internal/api/http/bad.ts':
      "import type { U } from '../../repository/postgres/user.ts'\nexport type X = U\n",
  },
  'notifier-sees-only-its-own': { 'internal/notifier/bad.ts': "import '../api/http/user.ts'\n" },
  'stores-only-in-adapters': { 'internal/service/user/sql.ts': "import 'kysely'\n" },
  'senders-only-in-notifier': { 'internal/service/user/push.ts': "import 'firebase-admin'\n" },
  'web-only-in-api': { 'internal/service/user/http.ts': "import 'express'\n" },
  'sentry-on-demand': { 'internal/platform/eager.ts': "import '@sentry/node'\n" },
  'no-tests-in-production': { 'internal/repository/seed.ts': "import '../testkit/services.ts'\n" },
  'no-dev-dependencies': { 'internal/platform/check.ts': "import 'fast-check'\n" },
  'no-undeclared-packages': { 'internal/platform/lucky.ts': "import 'js-yaml'\n" },
}

/** What a library of sockets need not know, nor name an example after. */
const CHAT = /\b(chat|conversation|presence|typing|inbox|receipt|reaction|SPEC|DESIGN)\w*/gi
const TESTS = /\.test\.ts$/
const ROOT = resolve(import.meta.dirname, '..')
const folders: string[] = []
const reportSchema = z.object({
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })),
  }),
})

/** Writes the files into a project of their own and runs the check over it. */
function check(files: Files): { exitCode: number | null; violations: { from: string; rule: string }[] } {
  const folder = mkdtempSync(join(tmpdir(), 'realchat-architecture-'))
  folders.push(folder)
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), source)
  }
  const config = join(ROOT, 'scripts/dependency-rules.ts')
  const bin = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
  const run = (format: string) => {
    const args = [bin, '--config', config, '--output-type', format, 'cmd', 'internal']
    return spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  }
  const { status } = run('err')
  const { summary } = reportSchema.parse(JSON.parse(run('json').stdout))
  return {
    exitCode: status,
    violations: summary.violations.map(({ from, rule }) => ({ from, rule: rule.name })),
  }
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

describe('dependency rules', () => {
  let planted: ReturnType<typeof check>
  beforeAll(() => {
    planted = check(Object.assign({}, CLEAN, ...Object.values(PLANTS)))
  }, 60_000)

  it('pass a project that keeps them', () => {
    expect(check(CLEAN)).toEqual({ exitCode: 0, violations: [] })
  }, 60_000)

  it('each have a violation planted here', () => {
    expect(rules.forbidden.map(({ name }) => name).sort()).toEqual(Object.keys(PLANTS).sort())
  })

  it('fail the command when broken', () => {
    expect(planted.exitCode).toBeGreaterThan(0)
  })

  it.each(Object.entries(PLANTS))('%s catches its violation', (rule, files) => {
    const caught = planted.violations.filter((violation) => violation.from in files)
    expect(caught.map((violation) => violation.rule)).toContain(rule)
  })
})

it('internal/realtime has no word of chat', () => {
  const folder = join(ROOT, 'internal/realtime')
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !TESTS.test(name))
  const said = sources.flatMap((name) =>
    (readFileSync(join(folder, name), 'utf8').match(CHAT) ?? []).map((word) => `${name}: ${word}`),
  )
  expect(sources.length).toBeGreaterThan(20)
  expect(said).toEqual([])
})

describe('source measures', () => {
  it('refuse a file over 400 lines', () => {
    expect(checkSource('a.ts', 'const a = 1\n'.repeat(400))).toEqual([])
    expect(checkSource('a.ts', 'const a = 1\n'.repeat(401))).toEqual(['a.ts:1: 401 lines, more than 400'])
  })

  it('refuse a function over 80 lines, and name its line', () => {
    const body = (lines: number) => `// é\nclass A {\n  m() {\n${'    f()\n'.repeat(lines)}  }\n}\n`
    expect(checkSource('a.ts', body(78))).toEqual([])
    expect(checkSource('a.ts', body(79))).toEqual(['a.ts:3: a function of 81 lines, more than 80'])
    expect(checkSource('a.test.ts', body(79))).toEqual([])
  })

  it('refuse import() in a type, which the dependency rules would miss', () => {
    const source = "export const load = () => import('./b.ts')\nexport type B = import('./b.ts').B\n"
    expect(checkSource('a.ts', source)).toEqual(['a.ts:2: import() as a type; use import type'])
  })
})
