import { type OnFrame, RawSocket } from '../client/raw-socket.ts'

const LETTER_N = 0x6e
/** A reply says within so many bytes whether it is ok. */
const HEAD_BYTES = 200

export interface Reply {
  ok: boolean
  /** Of the whole reply, or of its beginning unless it was asked for. */
  text: string
}

interface Waiting {
  whole: boolean
  answer(reply: Reply): void
}

/** Servers close what is silent for 60 s; all sockets are heard of that often, a part of them each second. */
const HEARTBEAT_SECONDS = 25
const HEARTBEAT = '[null,"h","phoenix","heartbeat",{}]'
const HEARTBEAT_REPLY = '[null,"h"'
const alive: Set<ChatSocket>[] = Array.from({ length: HEARTBEAT_SECONDS }, () => new Set())
let turn = 0
let opened = 0
setInterval(() => {
  turn = (turn + 1) % HEARTBEAT_SECONDS
  for (const socket of alive[turn] ?? []) socket.beat()
}, 1000).unref()

/** A Phoenix socket for loads: replies to whoever asked, everything else only counted. */
export class ChatSocket {
  readonly #socket: RawSocket
  readonly #waiting = new Map<number, Waiting>()
  #nextRef = 1
  /** What is no reply; its bytes are only good until this returns. */
  onDelivery: OnFrame = () => {}

  private constructor(socket: RawSocket) {
    this.#socket = socket
    const beating = alive[opened++ % HEARTBEAT_SECONDS]
    beating?.add(this)
    socket.onClose = () => {
      beating?.delete(this)
      this.#closed()
    }
    socket.onFrame = (bytes, start, end) => {
      if (bytes[start + 1] === LETTER_N && bytes[start + 6] === LETTER_N) this.onDelivery(bytes, start, end)
      else this.#heard(bytes, start, end)
    }
  }

  static async open(port: number, token: string): Promise<ChatSocket> {
    return new ChatSocket(await RawSocket.open(port, `/socket/websocket?vsn=2.0.0&token=${token}`))
  }

  /** The reply, whole. @throws Error when it is a refusal. */
  async join(topic: string, payload: object = {}): Promise<string> {
    const { ok, text } = await new Promise<Reply>((answer) => {
      this.push(topic, 'phx_join', JSON.stringify(payload), answer, true)
    })
    if (!ok) throw new Error(`the join of ${topic} was refused: ${text}`)
    return text
  }

  push(topic: string, event: string, payload: string, answer: (reply: Reply) => void, whole = false): void {
    const ref = this.#nextRef++
    this.#waiting.set(ref, { whole, answer })
    // Every channel's joinRef is the join's ref, or null, which is as good.
    const joinRef = event === 'phx_join' ? `"${ref}"` : 'null'
    this.#socket.send(`[${joinRef},"${ref}","${topic}","${event}",${payload}]`)
  }

  beat(): void {
    this.#socket.send(HEARTBEAT)
  }

  close(): void {
    this.#socket.destroy()
  }

  #heard(bytes: Buffer, start: number, end: number): void {
    const head = bytes.toString('utf8', start, Math.min(end, start + HEAD_BYTES))
    if (head.startsWith(HEARTBEAT_REPLY)) return
    const ref = Number(/^\["[^"]*","(\d+)"/.exec(head)?.[1] ?? 0)
    const waiting = this.#waiting.get(ref)
    if (!waiting) {
      // What this socket alone is told, as after its join: it has a joinRef and no ref.
      this.onDelivery(bytes, start, end)
      return
    }
    this.#waiting.delete(ref)
    const text = waiting.whole ? bytes.toString('utf8', start, end) : head
    waiting.answer({ ok: head.includes('"status":"ok"'), text })
  }

  #closed(): void {
    for (const { answer } of this.#waiting.values()) answer({ ok: false, text: 'closed' })
    this.#waiting.clear()
  }
}
