import { seconds } from '../client/measure.ts'
import { ChatSocket } from './chat-socket.ts'
import type { Stack } from './stack.ts'

/** Milliseconds before each try, as published Phoenix clients wait; the last again and again. */
const LADDER_MS = [10, 50, 100, 150, 200, 250, 500, 1000, 2000, 5000]
/** A frame says within so many bytes which message it brings. */
const SEQ_WITHIN = 300

/** A client that follows one conversation over lost connections, and knows whether it heard each message once. */
export class Follower {
  readonly topic: string
  readonly #token: string
  #socket: ChatSocket | null = null
  #cursor: { seq: number; rev: number; epoch: string } | null = null
  tries = 0
  gaps = 0
  doubles = 0

  constructor(topic: string, token: string) {
    this.topic = topic
    this.#token = token
  }

  /** The last message heard of. */
  get seq(): number {
    return this.#cursor?.seq ?? 0
  }

  /** Until it has joined again where it was. */
  async connect({ port }: Stack): Promise<void> {
    for (let n = 0; ; n++) {
      const waitMs = LADDER_MS[Math.min(n, LADDER_MS.length - 1)] ?? 0
      // Some sooner, some later: the ladder's steps are the same for all.
      await seconds((waitMs * (0.5 + Math.random())) / 1000)
      this.tries++
      try {
        this.#socket = await ChatSocket.open(port, this.#token)
      } catch {
        continue
      }
      if (await this.#join(this.#socket)) return
      this.#socket.close()
    }
  }

  lose(): void {
    this.#socket?.close()
  }

  #join(socket: ChatSocket): Promise<boolean> {
    return new Promise((done) => {
      // What was missed comes before anything new, and is looked at in that order.
      const answer = ({ ok, text }: { ok: boolean; text: string }) => {
        if (ok) this.#resumed(text)
        done(ok)
      }
      socket.onDelivery = (bytes, start, end) => this.#delivered(bytes, start, end)
      socket.push(this.topic, 'phx_join', JSON.stringify(this.#cursor ?? {}), answer, true)
    })
  }

  #resumed(reply: string): void {
    const { seq, rev, epoch, messages } = JSON.parse(reply)[4].response
    if (this.#cursor) {
      for (const message of messages) this.#heard(this.#cursor, Number(message.seq))
      if (this.#cursor.seq < seq) this.gaps++
    }
    this.#cursor = { seq: Number(seq), rev: Number(rev), epoch: String(epoch) }
  }

  #delivered(bytes: Buffer, start: number, end: number): void {
    const head = bytes.toString('latin1', start, Math.min(end, start + SEQ_WITHIN))
    if (this.#cursor && head.includes('"message:new"')) {
      this.#heard(this.#cursor, Number(/"seq":(\d+)/.exec(head)?.[1]))
    }
  }

  #heard(cursor: { seq: number }, seq: number): void {
    if (seq <= cursor.seq) this.doubles++
    else if (seq !== cursor.seq + 1) this.gaps++
    cursor.seq = Math.max(cursor.seq, seq)
  }
}
