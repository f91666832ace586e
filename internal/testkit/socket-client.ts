import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'

/** A server's frame, whichever serialiser it came by. */
export interface ServerFrame {
  joinRef: unknown
  ref: unknown
  topic: string
  event: string
  payload: Record<string, unknown>
}

export interface SocketClientOptions {
  token?: string
  /** Default 2.0.0. */
  vsn?: string
  /** Offered subprotocols and headers of the upgrade. */
  protocols?: string[]
  headers?: Record<string, string>
  /** Query parameters beside `token` and `vsn`. */
  query?: Record<string, string>
}

/** Why an upgrade was refused. */
export class UpgradeRefused extends Error {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string

  constructor(status: number, headers: IncomingMessage['headers'], body: string) {
    super(`upgrade refused: ${status} ${body}`)
    this.status = status
    this.headers = headers
    this.body = body
  }
}

const WITHIN_MS = 10_000

/** A Phoenix client that hides nothing: every frame in the order it came, every ref its own. */
export class SocketClient {
  readonly socket: WebSocket
  readonly frames: ServerFrame[] = []
  /** Resolves with the code and reason once closed. */
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #v1: boolean
  readonly #joinRefs = new Map<string, string>()
  readonly #waiting = new Set<() => void>()
  #nextRef = 1
  #nextWait = 0

  private constructor(socket: WebSocket, v1: boolean) {
    this.socket = socket
    this.#v1 = v1
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        this.#wake()
      })
    })
    socket.on('error', () => this.#wake())
    socket.on('message', (data) => {
      this.frames.push(readFrame(data.toString()))
      this.#wake()
    })
  }

  /**
   * `url` is `http://host:port` or `ws://...`, without a path.
   * @throws UpgradeRefused with the server's answer.
   */
  static async connect(url: string, options: SocketClientOptions = {}): Promise<SocketClient> {
    const { token, vsn = '2.0.0', protocols = [], headers = {}, query = {} } = options
    const parameters = new URLSearchParams({ vsn, ...(token === undefined ? {} : { token }), ...query })
    const address = `${url.replace(/^http/, 'ws')}/socket/websocket?${parameters}`
    const socket = new WebSocket(address, protocols, { headers, perMessageDeflate: false })
    const client = new SocketClient(socket, !vsn.startsWith('2'))
    await opened(socket)
    return client
  }

  /** Sends a frame; answers its ref. The joinRef is that of the topic's last join unless given. */
  send(
    topic: string,
    event: string,
    payload: object = {},
    refs: { joinRef?: unknown; ref?: unknown } = {},
  ): unknown {
    const ref = refs.ref === undefined ? String(this.#nextRef++) : refs.ref
    if (event === 'phx_join' && refs.joinRef === undefined) this.#joinRefs.set(topic, String(ref))
    const joinRef = refs.joinRef === undefined ? (this.#joinRefs.get(topic) ?? null) : refs.joinRef
    const message = this.#v1
      ? { topic, event, ref, payload, join_ref: joinRef }
      : [joinRef, ref, topic, event, payload]
    this.socket.send(JSON.stringify(message))
    return ref
  }

  /** Joins; answers the reply's response. @throws Error with the refusal when refused. */
  join(topic: string, payload: object = {}): Promise<Record<string, unknown>> {
    return this.#answered(topic, 'phx_join', payload)
  }

  leave(topic: string): Promise<Record<string, unknown>> {
    return this.#answered(topic, 'phx_leave', {})
  }

  /** Pushes; answers the reply's response. @throws SocketRefusal when it is an error. */
  push(topic: string, event: string, payload: object = {}): Promise<Record<string, unknown>> {
    return this.#answered(topic, event, payload)
  }

  /** The reply frame to a ref, ok or error. */
  async reply(topic: string, ref: unknown): Promise<{ status: unknown; response: Record<string, unknown> }> {
    const frame = await this.find(
      (one) => one.event === 'phx_reply' && one.topic === topic && one.ref === ref,
      `reply to ${String(ref)} on ${topic}`,
    )
    const response = frame.payload['response']
    return { status: frame.payload['status'], response: isRecord(response) ? response : {} }
  }

  /** The first frame, come or to come, that answers to `predicate`. */
  async find(predicate: (frame: ServerFrame) => boolean, what = 'a frame'): Promise<ServerFrame> {
    let from = 0
    return this.#until(() => {
      for (; from < this.frames.length; from++) {
        const frame = this.frames[from]
        if (frame && predicate(frame)) return frame
      }
      return undefined
    }, what)
  }

  /** As `find`, among those after the one that the last `waitFor` answered: reads a stream step by step. */
  waitFor(predicate: (frame: ServerFrame) => boolean, what = 'a frame'): Promise<ServerFrame> {
    return this.#until(() => {
      while (this.#nextWait < this.frames.length) {
        const frame = this.frames[this.#nextWait++]
        if (frame && predicate(frame)) return frame
      }
      return undefined
    }, what)
  }

  waitForEvent(topic: string, event: string): Promise<ServerFrame> {
    return this.waitFor((frame) => frame.topic === topic && frame.event === event, `${event} on ${topic}`)
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return
    this.socket.close()
    await this.closed
  }

  async #answered(topic: string, event: string, payload: object): Promise<Record<string, unknown>> {
    const { status, response } = await this.reply(topic, this.send(topic, event, payload))
    if (status !== 'ok') throw new SocketRefusal(event, response)
    return response
  }

  async #until<Found>(look: () => Found | undefined, what: string): Promise<Found> {
    const deadline = Date.now() + WITHIN_MS
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`no ${what} within ${WITHIN_MS} ms`)
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed while waiting for ${what}`)
      await this.#changed(left)
    }
  }

  #changed(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, withinMs)
      this.#waiting.add(done)
    })
  }

  #wake(): void {
    for (const waiting of [...this.#waiting]) waiting()
  }
}

/** An error reply; `response` is {reason, code, message, ...}. */
class SocketRefusal extends Error {
  readonly response: Record<string, unknown>

  constructor(event: string, response: Record<string, unknown>) {
    super(`${event} was refused: ${JSON.stringify(response)}`)
    this.response = response
  }
}

async function opened(socket: WebSocket): Promise<void> {
  const refused = new Promise<never>((_, reject) => {
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      readBody(response).then(
        (body) => reject(new UpgradeRefused(response.statusCode ?? 0, response.headers, body)),
        reject,
      )
    })
  })
  await Promise.race([once(socket, 'open'), refused])
}

async function readBody(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return body
}

function readFrame(text: string): ServerFrame {
  const message: unknown = JSON.parse(text)
  if (Array.isArray(message)) {
    const [joinRef, ref, topic, event, payload] = message
    return {
      joinRef,
      ref,
      topic: String(topic),
      event: String(event),
      payload: isRecord(payload) ? payload : {},
    }
  }
  if (!isRecord(message)) throw new Error(`not a frame: ${text}`)
  const { topic, event, payload } = message
  return {
    joinRef: message['join_ref'] ?? null,
    ref: message['ref'] ?? null,
    topic: String(topic),
    event: String(event),
    payload: isRecord(payload) ? payload : {},
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
