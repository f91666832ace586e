import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { eventually } from '../testkit/eventually.ts'
import { SocketClient } from '../testkit/socket-client.ts'
import { startToy, type Toy } from '../testkit/toy-realtime.ts'

let toy: Toy
let witness: SocketClient

beforeEach(async () => {
  toy = await startToy()
  witness = await SocketClient.connect(toy.url, { token: 'witness' })
  await witness.join('room:a')
})

/** Whatever was sent: the others are served, and no connection is left behind. */
afterEach(async () => {
  expect(await witness.push('room:a', 'echo', { still: 'here' })).toEqual({ still: 'here' })
  await eventually(() => expect(toy.server.size).toBe(1))
  expect(toy.log.filter((line) => line.startsWith('error'))).toEqual([])
  await toy.stop()
})

const MAX = 128 * 1024
const sized = (bytes: number) => {
  const frame = (filler: string) => `[null,"1","phoenix","heartbeat",{"x":"${filler}"}]`
  return frame('x'.repeat(bytes - frame('').length))
}

describe('a frame that is not the protocol is closed', () => {
  it.each([
    'x',
    '',
    '[]',
    '{}',
    'null',
    '"text"',
    '[null,"1","room:a","echo"',
    '[null,"1","room:a","echo"]',
    '[null,"1","room:a","echo",null]',
    '[null,"1","room:a","echo",[]]',
    '[null,"1","room:a","echo","x"]',
    '[null,"1",7,"echo",{}]',
    '[null,"1","room:a",{},{}]',
    `[null,"${'r'.repeat(300)}","room:a","echo",{}]`,
    `[null,"1","${'t'.repeat(600)}","echo",{}]`,
    '{"topic":"room:a","event":"echo","ref":"1","payload":{}}',
  ])('%s', async (text) => {
    const client = await SocketClient.connect(toy.url, { token: 'ann' })
    client.socket.send(text)
    expect(await client.closed).toMatchObject({ code: 4400 })
  })

  it.each([
    '[null,"1","room:a","echo",{}]',
    '{"topic":"room:a","event":"echo"}',
    '{"topic":1,"event":"x","payload":{}}',
  ])('%s for the first serialiser', async (text) => {
    const client = await SocketClient.connect(toy.url, { token: 'ann', vsn: '1.0.0' })
    client.socket.send(text)
    expect(await client.closed).toMatchObject({ code: 4400 })
  })

  it('binary', async () => {
    const client = await SocketClient.connect(toy.url, { token: 'ann' })
    client.socket.send(Buffer.from('[null,"1","phoenix","heartbeat",{}]'))
    expect(await client.closed).toMatchObject({ code: 4400 })
  })
})

describe('limits of the wire', () => {
  it('takes 128 KiB and not a byte more', async () => {
    const client = await SocketClient.connect(toy.url, { token: 'ann' })
    client.socket.send(sized(MAX))
    await client.reply('phoenix', '1')
    client.socket.send(sized(MAX + 1))
    expect(await client.closed).toMatchObject({ code: 1009 })
  })

  it('takes a message in 1,024 frames and not in one more', async () => {
    const client = await SocketClient.connect(toy.url, { token: 'ann' })
    const inFrames = (count: number) => {
      const text = sized(2 * count)
      for (let n = 0; n < count; n++)
        client.socket.send(text.slice(2 * n, 2 * n + 2), { fin: n === count - 1 })
    }
    inFrames(1024)
    await client.reply('phoenix', '1')
    inFrames(1025)
    expect(await client.closed).toMatchObject({ code: 1008 })
  })

  it('refuses invalid UTF-8', async () => {
    const client = await SocketClient.connect(toy.url, { token: 'ann' })
    client.socket.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false })
    expect(await client.closed).toMatchObject({ code: 1007 })
  })

  it.each([
    ['random bytes', Buffer.from('ff00ff00deadbeef', 'hex')],
    ['a compressed frame, which was not agreed', Buffer.from('c18000000000', 'hex')],
    ['a frame without a mask', Buffer.from('810178', 'hex')],
    ['a truncated frame, then the end', Buffer.from('81fe', 'hex')],
    ['nothing, then the end', Buffer.alloc(0)],
  ])('%s', async (_name, bytes) => {
    const socket = await rawSocket(toy.port)
    socket.end(bytes)
    await once(socket.resume(), 'close')
  })

  it('a reset connection', async () => {
    const socket = await rawSocket(toy.port)
    await eventually(() => expect(toy.server.size).toBe(2))
    socket.resetAndDestroy()
  })
})

it('stands random frames', async () => {
  const word = fc.oneof(
    fc.constantFrom('room:a', 'room:b', 'phoenix', 'phx_join', 'phx_leave', 'echo', 'crash!'),
    fc.string(),
  )
  const ref = fc.oneof(fc.constantFrom<unknown>(null, '1', '2', 3), fc.jsonValue({ maxDepth: 1 }))
  const frame = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(ref, ref, word, word, fc.dictionary(fc.string(), fc.jsonValue())) },
    { weight: 1, arbitrary: fc.jsonValue() },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 30 }), async (frames) => {
      const client = await SocketClient.connect(toy.url, { token: 'ann' })
      for (const one of frames) client.socket.send(JSON.stringify(one))
      client.socket.send('not json, and so the end')
      expect(await client.closed).toMatchObject({ code: 4400 })
    }),
    { numRuns: 60 },
  )
})

it('joins without end cost a bounded number of channels', async () => {
  const client = await SocketClient.connect(toy.url, { token: 'ann' })
  for (let n = 0; n < 3000; n++) client.send(`room:${n}`, 'phx_join')
  await eventually(() => expect(client.frames).toHaveLength(3000))
  const refused = client.frames.filter(({ payload }) => payload['status'] === 'error')
  expect(refused).toHaveLength(2000)
  expect(refused[0]?.payload['response']).toMatchObject({ reason: 'too many channels joined' })
  await client.close()
})

/** An upgraded connection without a client's library on it. */
async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(
    'GET /socket/websocket?vsn=2.0.0&token=raw HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toMatch(/^HTTP\/1\.1 101 /)
  return socket
}
