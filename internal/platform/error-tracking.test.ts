import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { scrub } from './error-tracking.ts'

/** Runs error tracking in a process of its own, which tells every module it loads. */
const PROGRAM = `
import { registerHooks } from 'node:module'
const loaded = []
registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
const { startErrorTracking } = await import(process.argv[1])
const tracking = await startErrorTracking({ dsn: process.env.DSN ?? null, process: 'api', version: '1.2.3' })
const cause = new Error('postgres://app:hunter2@db/chat refused')
tracking.report(new Error('the planted error', { cause }), { requestId: 'r-1' })
await tracking.close()
console.log(JSON.stringify(loaded.filter((url) => url.includes('@sentry')).length))
`

async function runTracking(env: Record<string, string>): Promise<number> {
  const module = new URL('./error-tracking.ts', import.meta.url).href
  const args = ['--input-type=module', '-e', PROGRAM, module]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  return Number(output)
}

async function sentryServer() {
  const envelopes: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      envelopes.push((request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString())
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { envelopes, dsn: `http://public@127.0.0.1:${port}/1`, close: () => server.close() }
}

describe('error tracking', () => {
  it('sends an error to the DSN, without the secrets in it', async () => {
    const sentry = await sentryServer()
    expect(await runTracking({ DSN: sentry.dsn })).toBeGreaterThan(0)
    sentry.close()
    const sent = sentry.envelopes.join('\n')
    expect(sent).toContain('the planted error')
    expect(sent).toContain('realchat@1.2.3')
    expect(sent).toContain('"requestId":"r-1"')
    expect(sent).toContain('postgres://[redacted]@db/chat refused')
    expect(sent).not.toContain('hunter2')
  }, 30_000)

  it('loads nothing without a DSN', async () => {
    expect(await runTracking({})).toBe(0)
  }, 30_000)

  it('scrubs secrets by key and within texts', () => {
    const value = {
      password: 'p',
      nested: [{ refreshToken: 't', Authorization: 'x', kept: 'Bearer abc.def' }],
      url: 'wss://chat.example/socket/websocket?token=abc&vsn=2.0.0',
      jwt: 'got eyJhbGciOi.eyJzdWIiOi.c2ln here',
      none: { secret: null },
    }
    expect(scrub(value)).toEqual({
      password: '[redacted]',
      nested: [{ refreshToken: '[redacted]', Authorization: '[redacted]', kept: 'Bearer [redacted]' }],
      url: 'wss://chat.example/socket/websocket?token=[redacted]&vsn=2.0.0',
      jwt: 'got [redacted] here',
      none: { secret: null },
    })
  })
})
