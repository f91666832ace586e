import { connect, type Socket } from 'node:net'

/** What an attack has to work with. `random` decides everything, so that a seed repeats a run. */
export interface Attack {
  port: number
  token: string
  /** A topic that the token may join, and one that it may not. */
  topic: string
  foreign: string
  random(): number
}

const FINAL_TEXT = 0x81
const KIB_128 = 128 * 1024
const EVENTS = [
  ...['phx_join', 'phx_leave', 'heartbeat', 'message:send', 'message:edit', 'message:delete', 'history'],
  ...['changes', 'typing:start', 'typing:stop', 'message:read', 'message:reaction:add', 'sync', '__proto__'],
]

/** Every kind of bad input; each resolves when it has done its worst and its connection is gone. */
export const ATTACKS: Record<string, (attack: Attack) => Promise<void>> = {
  'random bytes in place of an upgrade': async (attack) => {
    await ended(await opened(attack.port, bytes(attack, 1 + below(attack, 2000))))
  },
  'an upgrade that never ends': async (attack) => {
    const upgrade = upgradeOf(attack.token)
    const socket = await opened(attack.port, upgrade.slice(0, below(attack, upgrade.length)))
    socket.destroySoon()
    await gone(socket)
  },
  'odd upgrades': async (attack) => {
    const odd = upgradeOf(
      pick(attack, [attack.token, 'x', '', '%00', '%ff']),
      pick(attack, ['2.0.0', '1', '9', '']),
    )
    const header = pick(attack, [
      'Origin: null',
      'Sec-WebSocket-Protocol: base64url.bearer.phx.!!',
      'X: y',
      'Cookie:',
    ])
    await ended(await opened(attack.port, odd.replace('\r\n\r\n', `\r\n${header}\r\n\r\n`)))
  },
  'random bytes after the upgrade': (attack) => after(attack, [bytes(attack, 1 + below(attack, 5000))]),
  'random JSON': (attack) =>
    after(
      attack,
      repeat(attack, 30, () => textFrame(JSON.stringify(json(attack, 4)))),
    ),
  'random frames of the protocol': (attack) =>
    after(
      attack,
      repeat(attack, 60, () => protocolFrame(attack)),
    ),
  'mutated frames': (attack) =>
    after(
      attack,
      repeat(attack, 20, () => mutated(attack, protocolFrame(attack))),
    ),
  'a truncated frame, then the end': async (attack) => {
    const frame = protocolFrame(attack)
    await after(attack, [frame.subarray(0, 1 + below(attack, frame.length - 1))])
  },
  'a frame over 128 KiB': (attack) => after(attack, [textFrame('x'.repeat(KIB_128 + 1))]),
  'a frame that says it is huge': (attack) =>
    after(attack, [Buffer.from('81ff7fffffffffffffff00000000', 'hex'), bytes(attack, 1000)]),
  'a compressed frame': (attack) => after(attack, [Buffer.from('c18100000000ff', 'hex')]),
  'invalid UTF-8': (attack) => after(attack, [rawFrame(FINAL_TEXT, Buffer.from([0x22, 0xc0, 0x80, 0x22]))]),
  'fragments without an end': (attack) =>
    after(attack, [
      rawFrame(0x01, Buffer.from('[')),
      ...repeat(attack, 50, () => rawFrame(0x00, bytes(attack, 50))),
    ]),
  'control frames too long, and a flood of pings': (attack) =>
    after(attack, [
      ...repeat(attack, 200, () => rawFrame(0x89, bytes(attack, 100))),
      rawFrame(0x89, bytes(attack, 126)),
    ]),
  'joins without end': (attack) =>
    after(
      attack,
      repeat(attack, 1500, () =>
        push(attack, pick(attack, ['chat:x', `chat:${hex(attack)}`, 'a:b']), 'phx_join'),
      ),
    ),
  "joins to others' conversations": (attack) =>
    after(
      attack,
      repeat(attack, 100, () => push(attack, attack.foreign, pick(attack, ['phx_join', 'message:send']))),
    ),
  'one ref for everything': (attack) =>
    after(attack, [
      push(attack, attack.topic, 'phx_join', '1'),
      ...repeat(attack, 200, () => push(attack, attack.topic, pick(attack, EVENTS), '1')),
    ]),
  'a flood of typing': (attack) =>
    after(attack, [
      push(attack, attack.topic, 'phx_join', '1'),
      ...repeat(attack, 1000, () =>
        push(attack, attack.topic, pick(attack, ['typing:start', 'typing:stop']), '2'),
      ),
    ]),
  'a reset in the middle': async (attack) => {
    const socket = await upgraded(attack)
    socket.write(push(attack, attack.topic, 'phx_join'))
    socket.resetAndDestroy()
    await gone(socket)
  },
  'one that never reads, and goes': async (attack) => {
    const socket = await upgraded(attack)
    socket.pause()
    for (let n = 0; n < 200; n++)
      socket.write(push(attack, attack.topic, pick(attack, ['phx_join', 'history'])))
    socket.destroySoon()
    await gone(socket)
  },
}

/** mulberry32, public domain, Tommy Ettinger. */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Upgrades, sends all of it, half-closes, and waits for the server's end. */
async function after(attack: Attack, frames: readonly Buffer[]): Promise<void> {
  const socket = await upgraded(attack)
  for (const frame of frames) socket.write(frame)
  await ended(socket)
}

async function upgraded(attack: Attack): Promise<Socket> {
  const socket = await opened(attack.port, upgradeOf(attack.token, pick(attack, ['2.0.0', '1.0.0'])))
  await heard(socket, 'data')
  return socket
}

async function opened(port: number, first: string | Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await heard(socket, 'connect')
  socket.write(first)
  return socket
}

async function ended(socket: Socket): Promise<void> {
  socket.resume()
  socket.end()
  await gone(socket)
}

async function gone(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

/** Or its end: a server that resets what it is attacked by is right. */
async function heard(socket: Socket, event: 'connect' | 'data'): Promise<void> {
  await Promise.race([new Promise((resolve) => socket.once(event, resolve)), gone(socket)])
}

function upgradeOf(token: string, vsn = '2.0.0'): string {
  const headers = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13'
  const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='
  return `GET /socket/websocket?vsn=${vsn}&token=${token} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${key}\r\n\r\n`
}

function push(attack: Attack, topic: string, event: string, ref?: string): Buffer {
  const refs = ref ?? String(below(attack, 100))
  return textFrame(JSON.stringify([pick(attack, [refs, '1', null]), refs, topic, event, payload(attack)]))
}

function protocolFrame(attack: Attack): Buffer {
  const topic = pick(attack, [attack.topic, attack.foreign, 'user:inbox', 'phoenix', 'chat:', 'webrtc:lobby'])
  return push(attack, topic, pick(attack, EVENTS))
}

function payload(attack: Attack): unknown {
  const some = {
    content: json(attack, 2),
    seq: json(attack, 1),
    messageId: hex(attack),
    limit: json(attack, 1),
  }
  return pick(attack, [{}, some, json(attack, 3), { cursors: { [hex(attack)]: json(attack, 1) } }])
}

function json(attack: Attack, depth: number): unknown {
  const leaf = [null, true, -1, 1e308, 0.5, '', '\u0000', '\ud800', 'é😀', 'x'.repeat(below(attack, 300))]
  if (depth === 0 || attack.random() < 0.4) return pick(attack, leaf)
  const inner = Array.from({ length: below(attack, 4) }, () => json(attack, depth - 1))
  if (attack.random() < 0.5) return inner
  const names = ['__proto__', 'constructor', 'status', 'a', '', 'toString']
  return Object.fromEntries(inner.map((value) => [pick(attack, names), value]))
}

function mutated(attack: Attack, frame: Buffer): Buffer {
  const copy = Buffer.from(frame)
  for (let n = below(attack, 5); n >= 0; n--) copy[below(attack, copy.length)] = below(attack, 256)
  return copy
}

function textFrame(text: string): Buffer {
  return rawFrame(FINAL_TEXT, Buffer.from(text))
}

/** Masked with the key 0, which changes nothing. */
function rawFrame(first: number, body: Buffer): Buffer {
  const { length } = body
  const header = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14)
  header[0] = first
  if (length < 126) header[1] = 0x80 | length
  else if (length < 65_536) {
    header[1] = 0x80 | 126
    header.writeUInt16BE(length, 2)
  } else {
    header[1] = 0x80 | 127
    header.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([header, body])
}

function repeat(attack: Attack, most: number, make: () => Buffer): Buffer[] {
  return Array.from({ length: 1 + below(attack, most) }, make)
}

function pick<One>(attack: Attack, among: readonly [One, ...One[]] | readonly One[]): One {
  const one = among[below(attack, among.length)]
  if (one === undefined) throw new Error('nothing to pick from')
  return one
}

function below(attack: Attack, limit: number): number {
  return Math.floor(attack.random() * limit)
}

function bytes(attack: Attack, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(attack, 256)))
}

function hex(attack: Attack): string {
  const text = bytes(attack, 16).toString('hex')
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
