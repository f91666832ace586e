import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Channel, Socket } from 'phoenix'
import { WebSocket } from 'ws'
import { eventually } from '../testkit/eventually.ts'
import { startToy, type Toy } from '../testkit/toy-realtime.ts'

let toy: Toy
const sockets: Socket[] = []

beforeAll(async () => {
  toy = await startToy()
})
afterAll(async () => {
  for (const socket of sockets) socket.disconnect()
  await toy.stop()
})

/** What clients of old did; this one speaks the second whatever its `vsn`. */
const FIRST_SERIALISER = {
  encode: (message: object, callback: (text: string) => void) => callback(JSON.stringify(message)),
  decode: (text: string, callback: (message: unknown) => void) => callback(JSON.parse(text)),
}

function socketOf(options: object): Socket {
  const url = `${toy.url.replace('http', 'ws')}/socket`
  const socket = new Socket(url, {
    transport: WebSocket,
    timeout: 3000,
    rejoinAfterMs: () => 20,
    reconnectAfterMs: () => 20,
    ...options,
  })
  sockets.push(socket)
  socket.connect()
  return socket
}

/** The answer to a join or push. */
function answer(push: ReturnType<Channel['push']>): Promise<[string, unknown]> {
  return new Promise((resolve) => {
    for (const status of ['ok', 'error', 'timeout'])
      push.receive(status, (response: unknown) => resolve([status, response]))
  })
}

describe.each([
  ['a token by query', { params: { token: 'ann' } }],
  ['a token by subprotocol', { authToken: 'ann' }],
  ['the first serialiser', { params: { token: 'ann' }, vsn: '1.0.0', ...FIRST_SERIALISER }],
])('the published JavaScript client, with %s', (_name, options) => {
  it('joins, pushes, hears broadcasts and is told of refusals', async () => {
    const socket = socketOf(options)
    const channel = socket.channel('room:js', {})
    expect(await answer(channel.join())).toEqual(['ok', { room: 'js', early: false }])
    expect(await answer(channel.push('echo', { n: 1 }))).toEqual(['ok', { n: 1 }])
    expect(await answer(channel.push('number', { n: 'x' }))).toMatchObject([
      'error',
      { code: 'validation_failed' },
    ])
    const heard: unknown[] = []
    channel.on('news', (payload: unknown) => heard.push(payload))
    toy.hub.broadcast('room:js', 'news', '{"n":1}')
    await eventually(() => expect(heard).toEqual([{ n: 1 }]))
    const refused = socket.channel('room:no', { refuse: true })
    expect(await answer(refused.join())).toMatchObject(['error', { reason: 'forbidden' }])
    expect(await answer(refused.leave())).toMatchObject(['ok', {}])
    expect(await answer(channel.leave())).toMatchObject(['ok', {}])
    socket.disconnect()
  })

  it('rejoins after phx_error, and not after phx_close', async () => {
    const socket = socketOf(options)
    const channel = socket.channel('room:crash', {})
    await answer(channel.join())
    channel.push('crash', {})
    await eventually(() => expect(channel.state).toBe('errored'))
    await eventually(() => expect(channel.state).toBe('joined'))
    expect(await answer(channel.push('echo', { again: true }))).toEqual(['ok', { again: true }])
    channel.push('kick', {})
    await eventually(() => expect(channel.state).toBe('closed'))
    socket.disconnect()
  })

  it('heartbeats', async () => {
    const socket = socketOf({ ...options, heartbeatIntervalMs: 20 })
    const beats: unknown[] = []
    socket.onMessage(({ topic, payload }) => {
      if (topic === 'phoenix') beats.push(payload)
    })
    await eventually(() => expect(beats.length).toBeGreaterThan(3))
    expect(beats[0]).toEqual({ status: 'ok', response: {} })
    expect(socket.isConnected()).toBe(true)
    socket.disconnect()
  })
})

it('reconnects and rejoins by itself after a close by the server', async () => {
  const socket = socketOf({ params: { token: 'closed' } })
  const channel = socket.channel('room:back', {})
  await answer(channel.join())
  const opened = toy.server.counters.upgradesAccepted
  expect(toy.server.closeWhere(() => true, 4002, 'closed')).toBe(1)
  await eventually(() => expect(toy.server.counters.upgradesAccepted).toBe(opened + 1))
  await eventually(() => expect(channel.state).toBe('joined'))
  socket.disconnect()
})
