import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { SocketClient } from '../testkit/socket-client.ts'
import { startToy, type Toy } from '../testkit/toy-realtime.ts'
import { SocketConnection } from './connection.ts'
import { BACK_PRESSURE } from './limits.ts'

const T = 'room:loud'
/** What fills the kernel's own buffers many times over. */
const FLOOD = 300
const text = 'x'.repeat(100_000)
/** What one client that never reads may cost. */
const COST_MAX = 2_000_000
const OTHER_TEXT = JSON.stringify({ text: 'x'.repeat(4000) })

let toy: Toy
let slow: SocketClient
let quick: SocketClient

async function start(slowMs: number, tickMs = 20): Promise<void> {
  toy = await startToy({ limits: { tickMs, backPressure: { ...BACK_PRESSURE, slowMs } } })
  slow = await SocketClient.connect(toy.url, { token: 'slow' })
  quick = await SocketClient.connect(toy.url, { token: 'quick' })
  await Promise.all([slow.join(T), quick.join(T)])
  slow.socket.pause()
}

/** Broadcasts to everybody, as fast as the quick one reads; ends early when one was closed as too slow. */
async function flood(count: number, droppable = false): Promise<void> {
  for (let n = 0; n < count && toy.server.counters.closedSlow === 0; n++) {
    toy.hub.broadcast(T, 'loud', JSON.stringify({ n, text }), { droppable })
    await quick.waitForEvent(T, 'loud')
  }
}

/** Bytes that the server holds for the socket for which it holds most. */
function mostPending(): number {
  const held = [...toy.server.connections].map((one) =>
    one instanceof SocketConnection ? one.pendingBytes : 0,
  )
  return Math.max(...held)
}

/** Bytes of all buffers of this process that are still in use. */
function buffersHeld(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('no gc')
  for (let n = 0; n < 2; n++) collect()
  return process.memoryUsage().arrayBuffers
}

const loud = (client: SocketClient) =>
  client.frames.filter(({ event }) => event === 'loud').map(({ payload }) => payload['n'])

afterEach(() => toy.stop())

describe('a socket that does not read', () => {
  beforeEach(() => start(60_000))

  it('misses what may be dropped, nothing else ends, and its topic is told when it reads again', async () => {
    await flood(FLOOD, true)
    expect(toy.server.counters.framesDropped).toBeGreaterThan(0)
    const relieved = () => toy.log.filter((line) => line.startsWith('relieved'))
    expect(relieved()).toEqual([])
    slow.socket.resume()
    expect(await slow.push(T, 'echo', { still: 'joined' })).toEqual({ still: 'joined' })
    await eventually(() => expect(relieved()).toEqual(['relieved loud']))
    expect(loud(slow).length).toBeLessThan(FLOOD)
    expect(loud(quick)).toHaveLength(FLOOD)
  })

  it('is told to rejoin once it reads again, after a prefix without holes; others get everything', async () => {
    await flood(FLOOD)
    slow.socket.resume()
    const told = await slow.waitForEvent(T, 'phx_error')
    expect(told.payload).toEqual({ reason: 'resync' })
    const heard = loud(slow)
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, n) => n))
    expect(heard.length).toBeLessThan(FLOOD)
    expect(loud(quick)).toHaveLength(FLOOD)
    await slow.join(T)
    toy.hub.broadcast(T, 'loud', '{"n":"after"}')
    await eventually(() => expect(loud(slow).at(-1)).toBe('after'))
  })

  it('and asks for ever more is read no further until it reads, and costs at most 2 MB', async () => {
    const refs = Array.from({ length: FLOOD }, () => slow.send(T, 'echo', { text }))
    await eventually(() => expect(mostPending()).toBeGreaterThan(BACK_PRESSURE.resyncAbove))
    for (let n = 0; n < 20; n++) {
      expect(await quick.push(T, 'echo')).toEqual({})
      expect(mostPending()).toBeLessThan(COST_MAX)
    }
    expect(toy.server.counters.framesReceived).toBeLessThan(FLOOD)
    slow.socket.resume()
    // Nothing of it was lost: it was only not read.
    for (const ref of refs) expect((await slow.reply(T, ref)).response).toEqual({ text })
    expect(toy.server.counters.closedSlow).toBe(0)
  })

  it('and pings for ever is cut off before it costs 2 MB', async () => {
    const payload = 'x'.repeat(125)
    while (toy.server.size === 2) {
      for (let n = 0; n < 2000 && slow.socket.readyState === slow.socket.OPEN; n++) slow.socket.ping(payload)
      expect(await quick.push(T, 'echo')).toEqual({})
      expect(mostPending()).toBeLessThan(COST_MAX)
    }
    slow.socket.terminate()
  })

  it('and only listens costs at most 2 MB, whatever is said', async () => {
    for (let n = 0; n < FLOOD; n++) {
      toy.hub.broadcast(T, 'loud', JSON.stringify({ n, text }))
      await quick.waitForEvent(T, 'loud')
      expect(mostPending()).toBeLessThan(COST_MAX)
    }
    expect(mostPending()).toBeGreaterThan(BACK_PRESSURE.dropAbove)
    expect(loud(quick)).toHaveLength(FLOOD)
  })

  it('and is sent little at a time holds no more memory than that, whatever others are sent between', async () => {
    await quick.join('room:other')
    while (mostPending() < BACK_PRESSURE.dropAbove) await flood(1)
    const before = buffersHeld()
    for (let n = 0; n < FLOOD; n++) {
      toy.hub.broadcast(T, 'loud', JSON.stringify({ n, text: 'x'.repeat(1000) }))
      for (let other = 0; other < 20; other++) toy.hub.broadcast('room:other', 'aside', OTHER_TEXT)
      await quick.waitForEvent(T, 'loud')
    }
    expect(buffersHeld() - before).toBeLessThan(COST_MAX)
  })
})

it('a topic that missed something stays mute until it has been rejoined, though there is room again', async () => {
  await start(60_000, 60_000)
  await flood(FLOOD)
  slow.socket.resume()
  await slow.push(T, 'echo')
  const heard = loud(slow).length
  expect(heard).toBeLessThan(FLOOD)
  toy.hub.broadcast(T, 'loud', '{"n":"into the hole"}')
  await slow.push(T, 'echo')
  expect(loud(slow)).toHaveLength(heard)
})

it('a socket over the mark for too long is closed as too slow', async () => {
  await start(50)
  await flood(20 * FLOOD)
  await eventually(() => expect(toy.server.counters.closedSlow).toBe(1))
  slow.socket.resume()
  expect(await slow.closed).toMatchObject({ code: 4000 })
  await eventually(() => expect(toy.server.size).toBe(1))
})

it('a silent socket is closed; one that pings or speaks is not', async () => {
  toy = await startToy({ limits: { silenceMs: 300, tickMs: 20 } })
  const [silent, pinging, speaking] = await Promise.all(
    ['a', 'b', 'c'].map((token) => SocketClient.connect(toy.url, { token })),
  )
  const alive = setInterval(() => {
    pinging?.socket.ping()
    speaking?.send('phoenix', 'heartbeat')
  }, 50)
  expect(await silent?.closed).toMatchObject({ code: 4001 })
  await eventually(() => expect(speaking?.frames.length).toBeGreaterThan(12))
  expect([pinging?.socket.readyState, speaking?.socket.readyState]).toEqual([1, 1])
  clearInterval(alive)
  expect(await pinging?.closed).toMatchObject({ code: 4001 })
})

it('a socket with too much in flight is read no further until it has been answered', async () => {
  toy = await startToy({ limits: { inFlightPerSocket: 4 } })
  const [busy, witness] = [
    await SocketClient.connect(toy.url, { token: 'busy' }),
    await SocketClient.connect(toy.url, { token: 'witness' }),
  ]
  await Promise.all([busy.join(T), witness.join(T)])
  for (let n = 0; n < 4; n++) busy.send(T, 'count', { wait: 'go' })
  // With the fourth it is paused; what comes in the same packet is still looked at.
  busy.send(T, 'shout', { first: true })
  await witness.waitForEvent(T, 'shouted')
  const before = toy.server.counters.framesReceived
  busy.send(T, 'shout', { second: true })
  await witness.push(T, 'echo')
  await witness.push(T, 'echo')
  expect(toy.server.counters.framesReceived).toBe(before + 2)
  toy.release('go')
  expect((await witness.waitForEvent(T, 'shouted')).payload).toEqual({ second: true })
})
