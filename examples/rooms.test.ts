import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from '@jest/globals'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'
import { SocketClient } from '../internal/testkit/socket-client.ts'

it('the server of internal/realtime/README.md runs, serves a room and drains', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'rooms.mjs'), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  cleanUpAfterFile(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const [port] = await once(createInterface(child.stdout), 'line')
  const url = `http://127.0.0.1:${port}`
  const [ann, bob] = [
    await SocketClient.connect(url, { token: 'ann' }),
    await SocketClient.connect(url, { token: 'bob' }),
  ]
  expect(await ann.join('room:hall')).toEqual({ youAre: 'ann' })
  await bob.join('room:hall')
  expect(await ann.push('room:hall', 'shout', { text: 'hello' })).toEqual({})
  expect((await bob.waitForEvent('room:hall', 'shouted')).payload).toEqual({ by: 'ann', text: 'hello' })
  await expect(bob.push('room:hall', 'shout', {})).rejects.toMatchObject({
    response: { code: 'validation_failed' },
  })
  child.kill('SIGTERM')
  for (const client of [ann, bob]) expect(await client.closed).toMatchObject({ code: 1012 })
  expect(await exited).toEqual([0, null])
}, 30_000)
