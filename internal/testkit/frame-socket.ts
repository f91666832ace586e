import { once } from 'node:events'
import { WebSocket } from 'ws'
import { z } from 'zod'

const frame = z.tuple([z.unknown(), z.string().nullable(), z.string(), z.string(), z.unknown()])
const replyPayload = z.object({ status: z.enum(['ok', 'error']), response: z.unknown() })

export type Answered = z.infer<typeof replyPayload>

const HEARTBEAT_MS = 10_000

/** A Phoenix socket that keeps nothing: replies go to their push, everything else to `onEvent`, in order. */
export class FrameSocket {
  readonly closed: Promise<void>
  onEvent: (topic: string, event: string, payload: unknown) => void = () => undefined
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, (answer: Answered) => void>()
  readonly #joinRefs = new Map<string, string>()
  #nextRef = 1

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('message', (data) => {
      const [joinRef, ref, topic, event, payload] = frame.parse(JSON.parse(String(data)))
      if (event === 'phx_reply') this.#answered(ref, replyPayload.parse(payload))
      else if (joinRef === null || joinRef === this.#joinRefs.get(topic)) this.onEvent(topic, event, payload)
    })
    const heartbeat = setInterval(() => this.push('phoenix', 'heartbeat', {}, () => undefined), HEARTBEAT_MS)
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        clearInterval(heartbeat)
        resolve()
      })
    })
  }

  /** @throws whatever keeps it from opening. */
  static async connect(url: string, token: string): Promise<FrameSocket> {
    const address = `${url.replace(/^http/, 'ws')}/socket/websocket?vsn=2.0.0&token=${token}`
    const socket = new WebSocket(address, { perMessageDeflate: false, handshakeTimeout: 5000 })
    const made = new FrameSocket(socket)
    await once(socket, 'open')
    return made
  }

  push(topic: string, event: string, payload: object, onAnswer: (answer: Answered) => void): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    const ref = String(this.#nextRef++)
    if (event === 'phx_join') this.#joinRefs.set(topic, ref)
    this.#waiting.set(ref, onAnswer)
    this.#socket.send(JSON.stringify([this.#joinRefs.get(topic) ?? null, ref, topic, event, payload]))
  }

  terminate(): void {
    this.#socket.terminate()
  }

  #answered(ref: string | null, answer: Answered): void {
    const onAnswer = this.#waiting.get(ref ?? '')
    this.#waiting.delete(ref ?? '')
    onAnswer?.(answer)
  }
}
