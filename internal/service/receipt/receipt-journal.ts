import type { Moved } from './pointers.ts'
import { type PointerPassed, type ReceiptHistory, type ReceiptKind, TRACKED_MEMBERS_MAX } from './ports.ts'

export interface ReceiptJournalDeps {
  history: ReceiptHistory
  onError(error: unknown): void
  retryMs?: number
}

const BATCH_MAX = 500
/** Moves that wait for a store that is down; beyond it the oldest are let go, and have no time. */
const WAITING_MAX = 50_000
const LET_GO = 5000
const RETRY_MS = 1000

/**
 * Writes down when pointers moved, after the fact: what is lost with the process leaves a receipt without its time,
 * never without its state.
 */
export class ReceiptJournal {
  readonly #deps: ReceiptJournalDeps
  #waiting: PointerPassed[] = []
  #writing: Promise<void> | null = null
  #retry: NodeJS.Timeout | null = null
  /** Moves let go so far. */
  lost = 0

  constructor(deps: ReceiptJournalDeps) {
    this.#deps = deps
  }

  add({ conversationId, userId, before, pointers, memberCount, at }: Moved): void {
    if (memberCount > TRACKED_MEMBERS_MAX) return
    const passed = (kind: ReceiptKind, from: number, to: number) => {
      if (to > from) this.#waiting.push({ conversationId, userId, kind, from, to, at })
    }
    passed('delivered', before.deliveredSeq, pointers.deliveredSeq)
    passed('read', before.readSeq, pointers.readSeq)
    if (this.#waiting.length > WAITING_MAX) this.lost += this.#waiting.splice(0, LET_GO).length
    if (!this.#retry) this.#start()
  }

  /** Resolves when everything added so far is written, or has failed once more. */
  async drained(): Promise<void> {
    if (this.#retry) clearTimeout(this.#retry)
    this.#retry = null
    this.#start()
    await this.#writing
    if (this.#retry) clearTimeout(this.#retry)
  }

  #start(): void {
    if (this.#waiting.length === 0) return
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null
    })
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MAX)
      try {
        await this.#deps.history.write(batch)
      } catch (error) {
        this.#waiting = [...batch, ...this.#waiting]
        this.#deps.onError(error)
        this.#retry ??= setTimeout(() => {
          this.#retry = null
          this.#start()
        }, this.#deps.retryMs ?? RETRY_MS).unref()
        return
      }
    }
  }
}
