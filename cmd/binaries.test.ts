import { describe, expect, it } from '@jest/globals'
import { Binary, type BinaryName } from '../internal/testkit/binary.ts'

const NAMES: BinaryName[] = ['api', 'notifier', 'migrate', 'standalone']

describe.each(NAMES)('%s', (name) => {
  it.each(['--help', '--version'])('answers %s and exits 0', async (flag) => {
    const binary = new Binary(name, {}, [flag])
    expect(await binary.exited).toEqual({ code: 0, signal: null })
    expect(binary.stdout).toContain(name)
  })

  it('exits 2 on bad configuration, one line per fault, naming each variable', async () => {
    const binary = new Binary(name, {
      PORT: 'many',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://localhost',
    })
    expect(await binary.exited).toEqual({ code: 2, signal: null })
    const named = binary.stderr
      .trim()
      .split('\n')
      .map((line) => line.split(':')[0])
    expect(named).toEqual(expect.arrayContaining(['PORT', 'LOG_LEVEL', 'DATABASE_URL']))
    expect(new Set(named).size).toBe(named.length)
  })

  it('refuses an option it does not know', async () => {
    const binary = new Binary(name, {}, ['--no-such-option'])
    expect(await binary.exited).toEqual({ code: 2, signal: null })
  })
})

it('api without any configuration names every variable it needs', async () => {
  const binary = new Binary('api', {})
  expect(await binary.exited).toEqual({ code: 2, signal: null })
  const named = binary.stderr
    .trim()
    .split('\n')
    .map((line) => line.split(':')[0])
  expect(named.sort()).toEqual([
    'CASSANDRA_CONTACT_POINTS',
    'DATABASE_URL',
    'RABBITMQ_URL',
    'REDIS_URL',
    'SECRET_KEY',
  ])
})
