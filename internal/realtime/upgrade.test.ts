import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { SocketClient, type SocketClientOptions, UpgradeRefused } from '../testkit/socket-client.ts'
import { startToy, type Toy } from '../testkit/toy-realtime.ts'
import { RefusalError, refusal } from './refusal.ts'

let toy: Toy

beforeAll(async () => {
  toy = await startToy()
})
afterAll(() => toy.stop())

async function refused(options: SocketClientOptions, url = toy.url): Promise<UpgradeRefused> {
  const client = await SocketClient.connect(url, options).catch((error: unknown) => error)
  if (client instanceof UpgradeRefused) return client
  throw client instanceof Error ? client : new Error('accepted')
}

const base64url = (text: string) => Buffer.from(text).toString('base64url')
const bearer = (encoded: string) => ['phoenix', `base64url.bearer.phx.${encoded}`]

/** An upgrade as bytes, for what ws would not send. */
function upgradeOf(token: string, headers: string): string {
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  return `GET /socket/websocket?vsn=2.0.0&token=${token} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}${headers}\r\n`
}

describe('refused at the upgrade', () => {
  it.each<[string, SocketClientOptions, number, string]>([
    ['no token', {}, 401, 'unauthenticated'],
    ['an empty token', { token: '' }, 401, 'unauthenticated'],
    ['a bad token', { token: 'bad' }, 401, 'unauthenticated'],
    ['a token too long', { token: 'x'.repeat(9000) }, 401, 'unauthenticated'],
    [
      'a bad token as subprotocol, which wins',
      { token: 'ann', protocols: bearer(base64url('bad')) },
      401,
      'unauthenticated',
    ],
    ['a subprotocol that is no base64', { token: 'ann', protocols: bearer('a.b') }, 401, 'unauthenticated'],
    ['a suspended account', { token: 'suspended' }, 403, 'forbidden'],
    ['a foreign origin', { token: 'ann', headers: { origin: 'https://evil.example' } }, 403, 'forbidden'],
    ['an unknown version', { token: 'ann', vsn: '3.0.0' }, 403, 'forbidden'],
    ['an unknown major version', { token: 'ann', vsn: '3' }, 403, 'forbidden'],
    ['a version that begins as a known one', { token: 'ann', vsn: '20.0.0' }, 403, 'forbidden'],
    ['a version that is none', { token: 'ann', vsn: 'x' }, 403, 'forbidden'],
    ['a bug in authenticate', { token: 'bug' }, 500, 'internal'],
  ])('%s', async (_name, options, status, code) => {
    const answer = await refused(options)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({ status, code })
    expect(answer.headers).toMatchObject({ connection: 'close', 'content-type': 'application/problem+json' })
  })

  it('another path', async () => {
    const socket = connect(toy.port, '127.0.0.1')
    socket.write(upgradeOf('ann', '').replace('/socket/websocket', '/other'))
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 404 /)
    socket.destroy()
  })

  it('says when to come again', async () => {
    const own = await startToy({
      shed: () => ({ code: 'overloaded', retryAfterMs: 2500 }),
      authenticate: () => Promise.reject(new RefusalError(refusal('internal', 'never asked'))),
    })
    const answer = await refused({ token: 'ann' }, own.url)
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toBe('3')
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'overloaded', retryAfterMs: 2500 })
    await own.stop()
  })

  it('one socket too many, of a user or from an address, until one is closed', async () => {
    const own = await startToy({ limits: { socketsPerKey: 2, socketsPerAddress: 3 } })
    const [first] = await Promise.all([1, 2].map(() => SocketClient.connect(own.url, { token: 'ann' })))
    expect((await refused({ token: 'ann' }, own.url)).status).toBe(429)
    await SocketClient.connect(own.url, { token: 'bob' })
    expect((await refused({ token: 'cat' }, own.url)).status).toBe(429)
    expect((await refused({ token: 'bad' }, own.url)).status).toBe(429)
    await first?.close()
    await eventually(() => expect(own.server.size).toBe(2))
    expect((await refused({ token: 'bad' }, own.url)).status).toBe(401)
    const again = await SocketClient.connect(own.url, { token: 'ann' })
    await again.join('room:a')
    await own.stop()
  })

  it('sockets of one user beyond the limit, however many come together', async () => {
    const answer = Promise.withResolvers<void>()
    const waiting: string[] = []
    const own = await startToy({
      limits: { socketsPerKey: 3 },
      authenticate: async (userId) => {
        waiting.push(userId)
        await answer.promise
        return { userId }
      },
    })
    const tried = Array.from({ length: 10 }, () => SocketClient.connect(own.url, { token: 'ann' }))
    await eventually(() => expect(waiting).toHaveLength(10))
    answer.resolve()
    const results = await Promise.allSettled(tried)
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    expect(own.server.size).toBe(3)
    await own.stop()
  })

  it('a session that ends while its upgrade is under way', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const own = await startToy({
      authenticate: async (userId) => {
        asked.resolve()
        await answer.promise
        return { userId }
      },
    })
    const coming = refused({ token: 'ann' }, own.url)
    await asked.promise
    expect(own.server.closeWhere(({ userId }) => userId === 'ann', 4403, 'ann')).toBe(0)
    answer.resolve()
    expect((await coming).status).toBe(403)
    await own.stop()
  })
})

describe('accepted', () => {
  const token = 'ünïcode>>>???'
  it.each<[string, SocketClientOptions, string]>([
    ['by query, without a version', { token: 'ann', vsn: '' }, ''],
    ['by query, with a later minor version', { token: 'ann', vsn: '2.1' }, ''],
    ['by query, with parameters nobody knows', { token: 'ann', query: { api_key: 'x', 'a?b': 'c' } }, ''],
    ['from an allowed origin', { token: 'ann', headers: { origin: 'https://good.example' } }, ''],
    ['by subprotocol, unpadded', { protocols: bearer(base64url(token)) }, 'phoenix'],
    ['by subprotocol, padded or not', { protocols: bearer(base64url('a')) }, 'phoenix'],
    ['by subprotocol, in whatever order', { protocols: bearer(base64url('ann')).reverse() }, 'phoenix'],
    ['by query, with phoenix offered', { token: 'ann', protocols: ['phoenix'] }, 'phoenix'],
  ])('%s', async (_name, options, protocol) => {
    const client = await SocketClient.connect(toy.url, options)
    expect(client.socket.protocol).toBe(protocol)
    expect(client.socket.extensions).toBe('')
    await client.join('room:a')
    await client.close()
  })

  it('a token in the alphabet with slashes, which is no valid subprotocol for ws', async () => {
    const encoded = Buffer.from('??>').toString('base64')
    expect(encoded).toMatch(/[/+]/)
    const socket = connect(toy.port, '127.0.0.1')
    socket.write(upgradeOf('', `Sec-WebSocket-Protocol: phoenix, base64url.bearer.phx.${encoded}\r\n`))
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 101 /)
    expect(String(answer)).toMatch(/\r\nSec-WebSocket-Protocol: phoenix\r\n/)
    socket.destroy()
  })

  it('knows the sockets of a user, and closes those of an ended session', async () => {
    const [ann, bob] = await Promise.all(
      ['ann2', 'bob2'].map((name) => SocketClient.connect(toy.url, { token: name })),
    )
    expect([...toy.server.connectionsOf('ann2')]).toHaveLength(1)
    expect(toy.server.closeWhere(({ userId }) => userId === 'ann2', 4403)).toBe(1)
    expect(await ann?.closed).toEqual({ code: 4403, reason: 'session ended' })
    await eventually(() => expect(toy.server.connectionsOf('ann2').size).toBe(0))
    await bob?.join('room:a')
    await bob?.close()
  })
})

describe('connections that never finish the upgrade', () => {
  it.each([
    ['say nothing', ''],
    ['stop within the headers', 'GET /socket/websocket HTTP/1.1\r\nHost: x\r\nX-Slow: '],
  ])('%s, and are closed; others are not', async (_name, text) => {
    const own = await startToy({ limits: { upgradeMs: 100 } })
    const client = await SocketClient.connect(own.url, { token: 'ann' })
    const slow = connect(own.port, '127.0.0.1')
    slow.on('error', () => undefined)
    if (text) slow.write(text)
    await once(slow, 'close')
    await client.join('room:a')
    await own.stop()
  })

  it('wait for an answer that does not come', async () => {
    const own = await startToy({
      limits: { upgradeMs: 100 },
      authenticate: () => new Promise(() => undefined),
    })
    await expect(SocketClient.connect(own.url, { token: 'ann' })).rejects.toThrow('socket hang up')
    await own.stop()
  })

  it('reset while they are being authenticated leave nothing behind', async () => {
    const gate = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const own = await startToy({
      limits: { socketsPerAddress: 1 },
      authenticate: async (userId) => {
        asked.resolve()
        await gate.promise
        return { userId }
      },
    })
    const slow = connect(own.port, '127.0.0.1')
    slow.write(upgradeOf('ann', ''))
    await asked.promise
    slow.resetAndDestroy()
    await once(slow, 'close')
    gate.resolve()
    await eventually(async () => (await SocketClient.connect(own.url, { token: 'bob' })).close())
    await eventually(() => expect(own.server.size).toBe(0))
    await own.stop()
  })
})

describe('drain', () => {
  it('tells every socket, answers what is in flight, closes with 1012 and refuses new ones', async () => {
    const own = await startToy({ limits: { drainMs: 200 } })
    const clients = await Promise.all(
      ['ann', 'bob', 'cat'].map((token) => SocketClient.connect(own.url, { token })),
    )
    const [ann] = clients
    await ann?.join('room:a')
    const pushed = ann?.push('room:a', 'count', { wait: 'in-flight' })
    await ann?.push('room:a', 'echo')
    const drained = own.drain()
    for (const client of clients) {
      const told = await client.waitForEvent('phoenix', 'system:drain')
      expect([told.joinRef, told.ref]).toEqual([null, null])
      expect(told.payload['retryAfterMs']).toEqual(expect.any(Number))
    }
    const answer = await refused({ token: 'dan' }, own.url)
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
    own.release('in-flight')
    expect(await pushed).toEqual({ n: 1 })
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1012 })
    await drained
    expect(own.server.size).toBe(0)
    await own.stop()
  })
})
