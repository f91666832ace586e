import { connect, type Socket } from 'node:net'

const TEXT_UNMASKED_KEY = [0, 0, 0, 0]
const READ_BYTES = 256 * 1024

/** One buffer for all sockets: node fills it and hands it over before the next read. */
const shared = Buffer.allocUnsafe(READ_BYTES)

/** A connection that the server's kernel has let go is not closed: nothing tells of it. */
const OPEN_WITHIN_MS = 20_000
const ADDRESSES = 64
let opened = 0

/** Ports are 28,000 for each address, so sockets come from several, in turn. */
function nextAddress(): string {
  return `127.0.0.${2 + (opened++ % ADDRESSES)}`
}

/** What is heard: the whole payload's bytes from `start` to `end` of `bytes`, which is only good until it returns. */
export type OnFrame = (bytes: Buffer, start: number, end: number) => void

/**
 * A WebSocket client that does as little as can be done: no events, no strings, no copies. It masks with the
 * key 0, which changes nothing, and looks only at the lengths of what it hears.
 */
export class RawSocket {
  onFrame: OnFrame = () => {}
  onClose: () => void = () => {}
  readonly #socket: Socket
  #rest: Buffer | null = null
  #opening: PromiseWithResolvers<void> | null = Promise.withResolvers()
  #queue: Buffer[] = []

  private constructor(port: number, path: string, localAddress: string) {
    const onread = {
      buffer: shared,
      callback: (count: number, buffer: Uint8Array) => {
        this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, count))
        return true
      },
    }
    this.#socket = connect({ port, host: '127.0.0.1', localAddress, onread })
    this.#socket.setNoDelay(true)
    this.#socket.setTimeout(OPEN_WITHIN_MS, () => this.#socket.destroy())
    this.#socket.on('error', (error) => this.#opening?.reject(error))
    this.#socket.on('close', () => {
      this.#opening?.reject(new Error('closed before it was open'))
      this.onClose()
    })
    const request = [
      `GET ${path} HTTP/1.1`,
      'Host: 127.0.0.1',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]
    this.#socket.write(`${request.join('\r\n')}\r\n\r\n`)
  }

  /** @throws Error with the status line when the upgrade is refused. */
  static async open(port: number, path: string): Promise<RawSocket> {
    const socket = new RawSocket(port, path, nextAddress())
    await socket.#opening?.promise
    return socket
  }

  /** Written with the others of this tick. */
  send(text: string): void {
    if (this.#queue.push(frameOf(text)) === 1) process.nextTick(() => this.#flush())
  }

  /** Reads nothing from now on: the kernel's buffers fill up, then the server's. */
  stall(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** By a reset: after a mere close the port would be taken for a minute, and there are 28,000. */
  destroy(): void {
    this.#socket.resetAndDestroy()
  }

  #flush(): void {
    const [first] = this.#queue
    if (first) this.#socket.write(this.#queue.length === 1 ? first : Buffer.concat(this.#queue))
    this.#queue = []
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    this.#rest = null
    let at = 0
    if (this.#opening) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) {
        this.#keep(bytes, 0)
        return
      }
      const head = bytes.toString('latin1', 0, end)
      const opening = this.#opening
      this.#opening = null
      if (!head.startsWith('HTTP/1.1 101')) {
        opening.reject(new Error(head.split('\r\n', 1)[0]))
        return
      }
      this.#socket.setTimeout(0)
      opening.resolve()
      at = end + 4
    }
    for (;;) {
      const start = payloadAt(bytes, at)
      if (start < 0) break
      const end = start + lengthAt(bytes, at)
      if (end > bytes.length) break
      this.onFrame(bytes, start, end)
      at = end
    }
    this.#keep(bytes, at)
  }

  /** A copy of what is not whole yet: the buffer is filled anew. */
  #keep(bytes: Buffer, from: number): void {
    if (from < bytes.length) this.#rest = Buffer.from(bytes.subarray(from))
  }
}

/** Where the payload of the frame at `at` begins; negative while its header is not there. */
function payloadAt(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return -1
  const short = bytes.readUInt8(at + 1) & 0x7f
  const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
  return start > bytes.length ? -1 : start
}

function lengthAt(bytes: Buffer, at: number): number {
  const short = bytes.readUInt8(at + 1) & 0x7f
  if (short < 126) return short
  return short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
}

function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const header =
    length < 126 ? [0x81, 0x80 | length] : [0x81, 0x80 | 126, (length >> 8) & 0xff, length & 0xff]
  const frame = Buffer.allocUnsafe(header.length + 4 + length)
  frame.set([...header, ...TEXT_UNMASKED_KEY])
  frame.write(text, header.length + 4)
  return frame
}
