import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { readProject } from './compose.ts'
import { configVariables } from './config-variables.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** The cells of every table row whose first cell is one `code` word. */
function rows(path: string): string[][] {
  return readProject(path)
    .split('\n')
    .filter((line) => /^\| `[^`]+` \|/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
}

describe('docs/configuration.md', () => {
  it('names exactly the variables that the configuration reads', () => {
    const documented = rows('docs/configuration.md').map(([name]) => name)
    expect(documented.sort()).toEqual([...configVariables()].sort())
  })
})

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().optional(), license: z.string().optional() })),
})
const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()) })
const REFUSED = /\b(A?GPL|SSPL|BUSL|CC-BY-NC|Elastic|UNLICENSED)/

/** Of alternatives (`MIT OR GPL-3.0`) one may be chosen. */
function acceptable(license: string): boolean {
  return license.split(' OR ').some((alternative) => !REFUSED.test(alternative))
}

describe('docs/dependencies.md', () => {
  const lock = lockSchema.parse(JSON.parse(readProject('package-lock.json')))

  it('names exactly the direct runtime dependencies, with their licences', () => {
    const { dependencies } = packageSchema.parse(JSON.parse(readProject('package.json')))
    const licensed = Object.keys(dependencies).map((name) => [
      name,
      lock.packages[`node_modules/${name}`]?.license,
    ])
    const documented = rows('docs/dependencies.md').map(([name, license]) => [name, license])
    expect(documented.sort()).toEqual(licensed.sort())
  })

  it('has no package below them whose licence is refused or unknown', () => {
    const shipped = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev)
    const refused = shipped.filter(([path, { license }]) => !acceptable(license ?? licenseOf(path)))
    expect(shipped.length).toBeGreaterThan(50)
    expect(refused.map(([path, { license }]) => `${path}: ${license}`)).toEqual([])
  })

  it.each([
    ['MIT', true],
    ['LGPL-3.0-or-later', true],
    ['AGPL-3.0-only', false],
    ['GPL-2.0', false],
    ['(MIT OR GPL-3.0-or-later)', true],
    ['UNLICENSED', false],
  ])('judges %s', (license, expected) => {
    expect(acceptable(license)).toBe(expected)
  })
})

const manifestSchema = z.object({
  license: z.string().optional(),
  licenses: z.array(z.object({ type: z.string() })).default([]),
})

/** For packages whose licence the lock file does not hold: `licenses` is how it was written once. */
function licenseOf(path: string): string {
  if (!existsSync(join(ROOT, path, 'package.json'))) return 'UNLICENSED'
  const { license, licenses } = manifestSchema.parse(JSON.parse(readProject(`${path}/package.json`)))
  return license ?? (licenses.map(({ type }) => type).join(' OR ') || 'UNLICENSED')
}

describe('README.md', () => {
  it('shows the example as it is', () => {
    expect(readProject('README.md')).toContain(
      `\`\`\`js\n${readProject('examples/two-users-chat.mjs')}\`\`\``,
    )
  })

  it('names every folder of the project', () => {
    const folders = readdirSync(join(ROOT, 'internal'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )
    const readme = readProject('README.md')
    expect(folders.map(({ name }) => `internal/${name}/`).filter((name) => !readme.includes(name))).toEqual(
      [],
    )
  })
})

describe('internal/realtime/README.md', () => {
  const readme = readProject('internal/realtime/README.md')

  it('shows the example as it is', () => {
    expect(readme).toContain(`\`\`\`js\n${readProject('examples/rooms.mjs')}\`\`\``)
  })

  it('names exactly what is public', () => {
    const exported = readProject('internal/realtime/index.ts')
      .replaceAll(/\/\*.*?\*\/|from '.*'|export|type /g, '')
      .match(/\w+/g)
    const documented = readme.split('## What is public')[1]?.match(/(?<=^\|.*?`)\w+(?=`.*? \| )/gm)
    expect(documented?.toSorted()).toEqual(exported?.toSorted())
  })
})

describe('every page', () => {
  const pages = [
    'README.md',
    'internal/realtime/README.md',
    ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ].filter((path) => path.endsWith('.md'))

  it.each(pages)('%s links to files that exist', (page) => {
    const links = [...readProject(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)].map(
      ([, link = '']) => link,
    )
    const broken = links.filter((link) => !existsSync(join(ROOT, dirname(page), link)))
    expect(broken).toEqual([])
  })

  it.each(pages)('%s names files that exist', (page) => {
    const files = [
      ...readProject(page).matchAll(/`((?:internal|cmd|scripts|migrations|docs)\/[\w./-]+)`/g),
    ].map(([, file = '']) => file)
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  })
})
