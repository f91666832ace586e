import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { Binary } from '../internal/testkit/binary.ts'
import { call } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'

const START_MS = 60_000
const run = promisify(execFile)
let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'realchat-example-'))
  cleanUpAfterFile(() => rm(dataDir, { recursive: true, force: true }))
})

async function start(args: string[] = []): Promise<{ server: Binary; url: string }> {
  const env = { DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'info' }
  const server = new Binary('standalone', env, args)
  return { server, url: `http://127.0.0.1:${await server.ready()}` }
}

async function stop(server: Binary): Promise<void> {
  server.signal('SIGTERM')
  expect(await server.exited).toEqual({ code: 0, signal: null })
}

/** The example of the README, as its reader would run it; answers the lines it printed. */
async function chat(url: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'two-users-chat.mjs'), url])
  return stdout.trim().split('\n')
}

describe('the standalone server', () => {
  it(
    'serves the example, and still has its history after a restart',
    async () => {
      const first = await start()
      const [heard, ...before] = await chat(first.url)
      expect(heard).toMatch(/^Ben hears: Hello Ben/)
      expect(before).toHaveLength(1)
      await stop(first.server)
      const second = await start()
      const [, ...after] = await chat(second.url)
      expect(after).toEqual([...before, expect.stringMatching(/^2\. Hello Ben/)])
      await stop(second.server)
    },
    START_MS,
  )

  it(
    'keeps what it acknowledged when it is killed',
    async () => {
      const first = await start()
      const [, last] = [await chat(first.url), await chat(first.url)].map((lines) => lines.at(-1))
      first.server.signal('SIGKILL')
      await first.server.exited
      const second = await start()
      expect(await chat(second.url)).toContain(last)
      await stop(second.server)
    },
    START_MS,
  )

  it(
    'has sample users with --demo, whose pushes show in the developer outbox',
    async () => {
      const { server, url } = await start(['--demo'])
      await eventually(() => expect(server.stdout).toContain('password realchat-demo'))
      const login = async (identifier: string) => {
        const body = { identifier, password: 'realchat-demo' }
        const answer = await call(url, 'POST', '/auth/login', { body })
        return z.object({ accessToken: z.string() }).parse(answer.body).accessToken
      }
      const [ada, grace] = [await login('ada'), await login('grace')]
      const { body } = await call(url, 'GET', '/conversations', { token: grace })
      const list = z.object({ items: z.array(z.object({ id: z.string(), kind: z.string() })) }).parse(body)
      expect(list.items.map(({ kind }) => kind).sort()).toEqual(['direct', 'group'])
      const direct = list.items.find(({ kind }) => kind === 'direct')
      await call(url, 'POST', '/push-tokens', {
        token: grace,
        body: { token: 'graces-phone', platform: 'ios' },
      })
      await call(url, 'POST', `/conversations/${direct?.id}/messages`, {
        token: ada,
        body: { content: 'ping' },
      })
      await eventually(async () => {
        const outbox = await (await fetch(`${url}/dev/outbox.json`)).text()
        expect(outbox).toContain('ping')
      })
      await stop(server)
    },
    START_MS,
  )
})
