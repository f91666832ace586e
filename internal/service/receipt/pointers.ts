import { DomainError } from '../../domain/errors.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { PointerMove, PointerOutcome, PointerStore, Pointers } from './ports.ts'

type Stored = Extract<PointerOutcome, { status: 'stored' }>

/** What moved, told once per commit however many had asked for it. */
export interface Moved extends Omit<Stored, 'status' | 'before'> {
  conversationId: ConversationId
  userId: UserId
  before: Pointers
  /** The socket that asked, when it was only one. */
  origin: string | null
}

export interface PointerCommitsDeps {
  store: PointerStore
  onMoved(moved: Moved): void
  flushMs?: number
}

interface Caller {
  resolve(outcome: PointerOutcome): void
  reject(error: unknown): void
}

interface Waiting {
  move: PointerMove
  origin: string | null
  callers: Caller[]
}

const FLUSH_MS = 20
const MOVES_MAX = 500
/** Callers waiting on this node; beyond it they are told to come again. */
const CALLERS_MAX = 20_000

/**
 * Group commit of pointers: what members report within a flush is one statement, in which the furthest place
 * of each stands for all they reported. Callers are answered after the commit.
 */
export class PointerCommits {
  readonly #deps: PointerCommitsDeps
  #waiting = new Map<string, Waiting>()
  #callers = 0
  #timer: NodeJS.Timeout | null = null
  #flushing: Promise<void> = Promise.resolve()

  constructor(deps: PointerCommitsDeps) {
    this.#deps = deps
  }

  /**
   * Answers what is stored once it is.
   * @throws DomainError overloaded, dependency_unavailable (moved or not: repeating it is safe)
   */
  move(move: PointerMove, origin: string | null): Promise<PointerOutcome> {
    if (this.#callers >= CALLERS_MAX) {
      const message = 'Too many receipts are waiting to be stored.'
      return Promise.reject(new DomainError('overloaded', message, { retryAfterMs: 1000 }))
    }
    const key = `${move.conversationId}${move.userId}`
    const known = this.#waiting.get(key)
    this.#callers++
    this.#timer ??= setTimeout(() => this.#flushSoon(), this.#deps.flushMs ?? FLUSH_MS)
    return new Promise((resolve, reject) => {
      const caller = { resolve, reject }
      if (known) {
        known.move = furthest(known.move, move)
        if (known.origin !== origin) known.origin = null
        known.callers.push(caller)
      } else this.#waiting.set(key, { move, origin, callers: [caller] })
    })
  }

  /** Resolves when everything reported so far is stored, or has failed. */
  async drained(): Promise<void> {
    this.#flushSoon()
    await this.#flushing
  }

  #flushSoon(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#flushing = this.#flushing.then(() => this.#flush())
  }

  async #flush(): Promise<void> {
    const waiting = [...this.#waiting.values()]
    this.#waiting = new Map()
    for (let start = 0; start < waiting.length; start += MOVES_MAX) {
      await this.#commit(waiting.slice(start, start + MOVES_MAX))
    }
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#deps.store.move(batch.map(({ move }) => move))
      for (const [index, waiting] of batch.entries()) this.#settle(waiting, outcomes[index])
    } catch (error) {
      for (const { callers } of batch) for (const caller of callers) caller.reject(error)
    } finally {
      for (const { callers } of batch) this.#callers -= callers.length
    }
  }

  #settle({ move, origin, callers }: Waiting, outcome: PointerOutcome = { status: 'gone' }): void {
    for (const caller of callers) caller.resolve(outcome)
    if (outcome.status !== 'stored' || !outcome.before) return
    const { conversationId, userId } = move
    const { status: _, before, ...stored } = outcome
    this.#deps.onMoved({ conversationId, userId, ...stored, before, origin })
  }
}

function furthest(a: PointerMove, b: PointerMove): PointerMove {
  const further = b.readSeq > a.readSeq || (b.readSeq === a.readSeq && b.ordinal !== null) ? b : a
  return { ...further, deliveredSeq: Math.max(a.deliveredSeq, b.deliveredSeq) }
}
