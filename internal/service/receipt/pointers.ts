import type { PointerStore, ReadMove } from './ports.ts'

export interface PointersDeps {
  store: PointerStore
  onError(error: unknown): void
}

const FLUSH_MS = 20
const MOVES_MAX = 500
/** Members whose pointers wait for a store that is down; beyond it the oldest moves are let go. */
const WAITING_MAX = 100_000
const RETRY_MS = 1000

/** Group commit of read pointers: the last move of a member within a flush stands for all of them. */
export class Pointers {
  readonly #deps: PointersDeps
  readonly #waiting = new Map<string, ReadMove>()
  #timer: NodeJS.Timeout | null = null
  #flushing: Promise<void> = Promise.resolve()

  constructor(deps: PointersDeps) {
    this.#deps = deps
  }

  moveRead(move: ReadMove): void {
    const key = `${move.conversationId}${move.userId}`
    const waiting = this.#waiting.get(key)
    if (waiting && waiting.seq >= move.seq) return
    if (!waiting && this.#waiting.size >= WAITING_MAX) {
      const [oldest] = this.#waiting.keys()
      if (oldest) this.#waiting.delete(oldest)
    }
    this.#waiting.set(key, move)
    this.#timer ??= setTimeout(() => this.#flushSoon(), FLUSH_MS)
  }

  /** Resolves when everything moved so far is stored, or has failed once more. */
  async drained(): Promise<void> {
    this.#flushSoon()
    await this.#flushing
    if (this.#timer) clearTimeout(this.#timer)
  }

  #flushSoon(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#flushing = this.#flushing.then(() => this.#flush())
  }

  async #flush(): Promise<void> {
    while (this.#waiting.size > 0) {
      const moves = [...this.#waiting.values()].slice(0, MOVES_MAX)
      try {
        await this.#deps.store.advanceRead(moves)
      } catch (error) {
        this.#deps.onError(error)
        this.#timer ??= setTimeout(() => this.#flushSoon(), RETRY_MS)
        return
      }
      for (const move of moves) this.#forget(move)
    }
  }

  #forget(move: ReadMove): void {
    const key = `${move.conversationId}${move.userId}`
    if (this.#waiting.get(key) === move) this.#waiting.delete(key)
  }
}
