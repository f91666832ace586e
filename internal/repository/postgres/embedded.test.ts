import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { createLogger } from '../../platform/logger.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts'
import { migratePostgres } from './migrator.ts'

const CHILD = fileURLToPath(new URL('../../testkit/embedded-child.ts', import.meta.url))
const logger = createLogger({ name: 'test', level: 'silent' })

let root: string
let dataDir: string
let running: EmbeddedPostgres[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'embedded-'))
  chmodSync(root, 0o755)
  dataDir = root
  running = []
})
afterEach(async () => {
  for (const { stop } of running) await stop()
  rmSync(root, { recursive: true })
})

async function start(): Promise<EmbeddedPostgres> {
  const embedded = await startEmbeddedPostgres({ dataDir, logger })
  running.push(embedded)
  return embedded
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
    .query<Record<string, unknown>>(sql)
    .then(({ rows }) => rows)
    .finally(() => client.end())
}

async function startInChild(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [CHILD, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (!child.stdout) throw new Error('the child has no output')
  const [line] = await once(child.stdout, 'data')
  return { child, url: String(line).trim() }
}

describe('embedded PostgreSQL', () => {
  it('keeps data from one start to the next, durably, behind a password', async () => {
    const first = await start()
    await migratePostgres(first.url)
    await query(first.url, 'create table kept as select 42 as answer')
    const settings = "select current_setting('fsync') fsync, current_setting('synchronous_commit') commit"
    expect(await query(first.url, settings)).toEqual([{ fsync: 'on', commit: 'on' }])
    await first.stop()
    expect(await first.ended).toBeNull()
    const { url } = await start()
    expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }])
    expect(statSync(join(dataDir, 'postgres-password')).mode & 0o777).toBe(0o600)
    const wrong = new URL(url)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed')
  })

  it('refuses a folder that another live process uses', async () => {
    await start()
    await expect(startEmbeddedPostgres({ dataDir, logger })).rejects.toThrow(
      `${dataDir} is in use by process ${process.pid}`,
    )
  })

  it('starts again after its process was killed, stopping the server left behind', async () => {
    const { child, url } = await startInChild()
    await query(url, 'create table kept as select 42 as answer')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }])
    const again = await start()
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }])
    await expect(query(url, 'select 1')).rejects.toThrow(/ECONNREFUSED|ENOENT/)
    // A server that was killed leaves its socket behind: another start removes it.
    expect(readdirSync(join(dataDir, 'postgres')).filter((name) => name.endsWith('.lock'))).toHaveLength(1)
  })

  it('is reached over TCP where the folder has too long a name for a socket', async () => {
    dataDir = join(root, 'x'.repeat(100))
    const { url } = await start()
    expect(new URL(url).searchParams.get('host')).toBeNull()
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('tells when the server ends by itself, and frees the folder', async () => {
    const { url, ended } = await start()
    const [row] = await query(url, "select pg_read_file('postmaster.pid') as text")
    const text = (row as { text: string }).text
    process.kill(Number(text.split('\n')[0]), 'SIGQUIT')
    expect(await ended).toContain('it ended by itself')
    expect(existsSync(join(dataDir, 'lock'))).toBe(false)
  })

  it('says in one line that the folder cannot be used', async () => {
    const file = join(dataDir, 'file')
    writeFileSync(file, '')
    for (const unusable of [file, '/proc/realchat/data'])
      await expect(startEmbeddedPostgres({ dataDir: unusable, logger })).rejects.toThrow(
        'DATA_DIR cannot be used',
      )
  })

  it('says in one line what the server refused', async () => {
    const { stop } = await start()
    await stop()
    rmSync(join(dataDir, 'postgres', 'PG_VERSION'))
    await expect(start()).rejects.toThrow('PostgreSQL: it ended by itself')
    expect(existsSync(join(dataDir, 'lock'))).toBe(false)
  })

  it('begins anew after a set-up that was cut short, in a folder that only its owner may enter', async () => {
    chmodSync(dataDir, 0o700)
    mkdirSync(join(dataDir, 'postgres.new'))
    writeFileSync(join(dataDir, 'postgres.new', 'PG_VERSION'), '18')
    writeFileSync(join(dataDir, 'postgres-password'), 'unused', { mode: 0o600 })
    const { url } = await start()
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})
