import { z } from 'zod'

export const chatMessage = z.object({
  id: z.string(),
  seq: z.int(),
  senderId: z.string(),
  clientId: z.string().nullable(),
  content: z.string(),
})
export type ChatMessage = z.infer<typeof chatMessage>

export interface Joined {
  epoch: string
  seq: number
  messages: ChatMessage[]
  more: boolean
}

/** A conversation as one client has it: built from join replies, live messages, replies to sends and pages. */
export class ChatRoom {
  /** Everything up to `seq`, from 1. */
  readonly messages: ChatMessage[] = []
  epoch: string | null = null
  isPulling = false
  /** The join answered a part of what was missed: pages are to be pulled. */
  hasMore = false
  /** Messages that came live, and own ones that came as a broadcast beside their reply. */
  liveCount = 0
  echoes = 0
  readonly #ownId: string
  readonly #faults: string[]
  /** Came before one of a lower seq: behind an own send that is not answered, or a page to come. */
  readonly #held = new Map<number, ChatMessage>()
  /** Own seqs that their reply told of, on this connection. */
  readonly #replied = new Set<number>()
  /** The last live seq of this connection, or the join's; null when that did not reach the end. */
  #lastLive: number | null = null

  constructor(ownId: string, faults: string[]) {
    this.#ownId = ownId
    this.#faults = faults
  }

  get seq(): number {
    return this.messages.length
  }

  /** Came but cannot be shown yet. */
  get held(): number {
    return this.#held.size
  }

  disconnected(): void {
    this.#held.clear()
    this.#replied.clear()
    this.isPulling = false
  }

  joined({ epoch, seq, messages, more }: Joined): void {
    if (this.epoch !== null && epoch !== this.epoch) this.#faults.push(`epoch ${this.epoch} became ${epoch}`)
    this.epoch = epoch
    this.hasMore = more
    this.#lastLive = more ? null : seq
    for (const one of messages) this.#take(one)
  }

  pulled({ items, hasAfter }: { items: readonly ChatMessage[]; hasAfter: boolean }): void {
    for (const one of items) this.#take(one)
    this.hasMore = hasAfter && !this.#held.has(this.seq + 1)
  }

  own(message: ChatMessage): void {
    this.#replied.add(message.seq)
    this.#take(message)
  }

  live(message: ChatMessage): void {
    this.liveCount++
    const { seq, senderId } = message
    if (senderId === this.#ownId && this.#replied.has(seq)) this.echoes++
    if (this.#lastLive !== null) this.#checkOrder(seq, this.#lastLive)
    this.#lastLive = seq
    this.#take(message)
  }

  /** Ascending, each once, and without holes but those of own sends, which their replies fill. */
  #checkOrder(seq: number, last: number): void {
    if (seq <= last) this.#faults.push(`live ${seq} after ${last}`)
    for (let missed = last + 1; missed < seq; missed++) {
      const known = this.messages[missed - 1] ?? this.#held.get(missed)
      if (known && known.senderId !== this.#ownId) this.#faults.push(`live ${seq} without ${missed}`)
    }
  }

  #take(message: ChatMessage): void {
    const { seq } = message
    const known = this.messages[seq - 1] ?? this.#held.get(seq)
    if (known && (known.id !== message.id || known.content !== message.content)) {
      this.#faults.push(`${seq} is both ${known.id} and ${message.id}`)
    }
    if (seq > this.messages.length) this.#held.set(seq, message)
    for (let next = this.#held.get(this.seq + 1); next; next = this.#held.get(this.seq + 1)) {
      this.#held.delete(next.seq)
      this.messages.push(next)
    }
  }
}
