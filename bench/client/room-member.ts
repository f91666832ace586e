import type { Dialect } from './dialects.ts'
import type { Measure } from './measure.ts'
import type { RawSocket } from './raw-socket.ts'

const FIRST_REF = 10
/** Of so many deliveries one tells how long it took: reading them all would cost the load too much. */
const SAMPLED = 64
/** A delivery says within so many bytes when it was sent. */
const SENT_WITHIN = 200

/** One client's side of a room. */
export class RoomMember {
  readonly socket: RawSocket
  readonly #dialect: Dialect
  readonly #room: string
  readonly #text: string
  readonly #measure: Measure
  readonly #sentAt = new Map<number, number>()
  readonly #welcomed = Promise.withResolvers<void>()
  readonly #joined = Promise.withResolvers<void>()
  #nextRef = FIRST_REF
  isRepeating = false
  isClosed = false

  constructor(socket: RawSocket, dialect: Dialect, room: string, text: string, measure: Measure) {
    this.socket = socket
    this.#dialect = dialect
    this.#room = room
    this.#text = text
    this.#measure = measure
    socket.onClose = () => {
      this.isClosed = true
      const error = new Error('the peer closed before the room was joined')
      this.#welcomed.reject(error)
      this.#joined.reject(error)
    }
    // Only one of them may be waited for.
    this.#welcomed.promise.catch(() => {})
    this.#joined.promise.catch(() => {})
    socket.onFrame = (bytes, start, end) => {
      if (dialect.isDelivery(bytes, start)) this.#delivered(bytes, start, end)
      else this.#heard(bytes.toString('latin1', start, Math.min(end, start + 64)))
    }
  }

  async join(): Promise<void> {
    if (this.#dialect.hello !== null) {
      this.socket.send(this.#dialect.hello)
      await this.#welcomed.promise
    }
    this.socket.send(this.#dialect.join(this.#room))
    await this.#joined.promise
  }

  say(): void {
    const ref = this.#nextRef++
    const now = performance.now()
    this.#sentAt.set(ref, now)
    this.socket.send(this.#dialect.say(this.#room, ref, `@${now.toFixed(2)}@${this.#text}`))
  }

  #delivered(bytes: Buffer, start: number, end: number): void {
    const measure = this.#measure
    if (++measure.delivered % SAMPLED !== 0 || !measure.isCounting) return
    const head = bytes.toString('latin1', start, Math.min(end, start + SENT_WITHIN))
    const sentAt = Number(/@([\d.]+)@/.exec(head)?.[1] ?? Number.NaN)
    measure.deliveryMs.push(performance.now() - sentAt)
  }

  #heard(text: string): void {
    const pong = this.#dialect.pong(text)
    if (pong !== null) this.socket.send(pong)
    const ref = this.#dialect.refOf(text)
    const began = ref === null ? undefined : this.#sentAt.get(ref)
    if (ref === null || began === undefined) {
      if (this.#dialect.isWelcome(text)) this.#welcomed.resolve()
      else if (this.#dialect.isJoined(text)) this.#joined.resolve()
      return
    }
    this.#sentAt.delete(ref)
    this.#measure.answered(performance.now() - began)
    if (this.isRepeating) this.say()
  }
}
