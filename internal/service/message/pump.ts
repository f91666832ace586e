import { isPromise } from 'node:util/types'
import { DomainError } from '../../domain/errors.ts'
import type { ConversationId } from '../../domain/ids.ts'
import type { AppendItem, AppendOutcome, MessageLog } from './ports.ts'

export type Appended = Extract<AppendOutcome, { status: 'ok' | 'duplicate' | 'mismatch' }>

export interface AppendRequest {
  conversationId: ConversationId
  /**
   * Authorises the send and completes the item, from cache unless `reload`; a later send of the conversation
   * waits for it, so that order is kept.
   * @throws DomainError when the sender may not send.
   */
  prepare(reload: boolean): AppendItem | Promise<AppendItem>
}

interface Pending extends AppendRequest {
  item: AppendItem | null
  attempts: number
  /** When it came (ms). */
  since: number
  resolve(outcome: Appended): void
  reject(error: unknown): void
}

export type AppendLog = Pick<MessageLog, 'append'>

const BATCH_MAX = 128
/** Sends waiting on this node; beyond it new ones are refused before any work is done. */
const PENDING_MAX = 20_000
/**
 * The same while those at the front have waited so long (ms) and there are many: what is stored too late to be of use
 * costs as much as what is in time.
 */
const WAIT_MAX_MS = 500
const MANY = 1000
/** A send that was stale or busy this often gives up; each try reads the members anew. */
const ATTEMPTS_MAX = 8
/** SQLSTATE class that means that an item's bytes are at fault, not the database. */
const ITEM_FAULT = /^22/

/** One of the node's pumps: one call in flight, its share of the conversations, each in order. */
export class Pump {
  readonly #log: AppendLog
  readonly #now: () => number
  /** Sends per conversation in arrival order; a conversation on hold waits for its own slow call. */
  readonly #queues = new Map<ConversationId, Pending[]>()
  readonly #held = new Set<ConversationId>()
  #count = 0
  /** How long the last batch's first had waited. */
  #waitMs = 0
  #limit = BATCH_MAX
  #running = false
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(log: AppendLog, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /** What comes now is refused. */
  get isFull(): boolean {
    return this.#count >= PENDING_MAX || (this.#count >= MANY && this.#waitMs > WAIT_MAX_MS)
  }

  add(request: AppendRequest): Promise<Appended> {
    if (this.isFull) {
      const busy = new DomainError('overloaded', 'Too many sends are waiting.', { retryAfterMs: 1000 })
      return Promise.reject(busy)
    }
    return new Promise((resolve, reject) => {
      const pending: Pending = { ...request, item: null, attempts: 0, since: this.#now(), resolve, reject }
      const { conversationId } = request
      const queue = this.#queues.get(conversationId)
      if (queue) queue.push(pending)
      else this.#queues.set(conversationId, [pending])
      this.#count++
      this.#prepare(pending, false)
    })
  }

  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Synchronous when the preparation is: a warm send enters the batch of this very tick. */
  #prepare(pending: Pending, reload: boolean): void {
    try {
      const item = pending.prepare(reload)
      if (!isPromise(item)) this.#ready(pending, item)
      else
        item.then(
          (prepared) => this.#ready(pending, prepared),
          (error: unknown) => this.#refuse(pending, error),
        )
    } catch (error) {
      this.#refuse(pending, error)
    }
  }

  #ready(pending: Pending, item: AppendItem): void {
    pending.item = item
    this.#schedule()
  }

  #refuse(pending: Pending, error: unknown): void {
    const { conversationId } = pending
    const rest = (this.#queues.get(conversationId) ?? []).filter((other) => other !== pending)
    if (rest.length > 0) this.#queues.set(conversationId, rest)
    else this.#queues.delete(conversationId)
    this.#settled(1)
    pending.reject(error)
    this.#schedule()
  }

  #settled(count: number): void {
    this.#count -= count
    if (this.#count > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Lets the rest of the tick's frames come in before the batch is cut. */
  #schedule(): void {
    if (this.#running || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#run()
    })
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      await this.#commit(batch, false)
    }
    this.#running = false
  }

  /** The authorised front of each conversation's queue, up to a batch. */
  #take(): Pending[] {
    const batch: Pending[] = []
    for (const [conversationId, queue] of this.#queues) {
      if (this.#held.has(conversationId)) continue
      let count = 0
      while (count < queue.length && batch.length < this.#limit && queue[count]?.item) {
        const pending = queue[count++]
        if (pending) batch.push(pending)
      }
      if (count > 0) this.#dropFront(conversationId, queue, count)
      if (batch.length >= this.#limit) break
    }
    const [first] = batch
    this.#waitMs = first ? this.#now() - first.since : 0
    return batch
  }

  /** What stays goes behind the other conversations, so that a busy one cannot starve them. */
  #dropFront(conversationId: ConversationId, queue: Pending[], count: number): void {
    this.#queues.delete(conversationId)
    if (count < queue.length) this.#queues.set(conversationId, queue.slice(count))
  }

  /** Never rejects: every failure goes to the sends it concerns. */
  async #commit(batch: Pending[], wait: boolean): Promise<void> {
    try {
      const items = batch.flatMap(({ item }) => item ?? [])
      const outcomes = await this.#log.append(items, { wait })
      this.#limit = Math.min(BATCH_MAX, this.#limit * 2)
      this.#settle(batch, outcomes)
    } catch (error) {
      if (batch.length > 1 && isItemFault(error)) this.#halve(batch)
      else this.#fail(batch, error)
    }
  }

  /** One item that cannot be stored must not take the others with it: batches shrink until it is alone. */
  #halve(batch: Pending[]): void {
    this.#limit = batch.length >> 1
    this.#putBack(batch)
    this.#schedule()
  }

  #fail(batch: Pending[], error: unknown): void {
    this.#settled(batch.length)
    const refusal = isItemFault(error)
      ? new DomainError('validation_failed', 'The message cannot be stored.', { cause: error })
      : error
    for (const pending of batch) pending.reject(refusal)
  }

  #settle(batch: Pending[], outcomes: AppendOutcome[]): void {
    const again: Pending[] = []
    const waiting = new Set<ConversationId>()
    batch.forEach((pending, index) => {
      const outcome = outcomes[index] ?? { status: 'busy' }
      switch (outcome.status) {
        case 'gone':
          this.#settled(1)
          pending.reject(new DomainError('not_found', 'No such conversation.'))
          break
        case 'stale':
          pending.item = null
          again.push(pending)
          break
        case 'busy':
          waiting.add(pending.conversationId)
          again.push(pending)
          break
        default:
          this.#settled(1)
          pending.resolve(outcome)
      }
    })
    this.#repeat(again, waiting)
  }

  /** In front of their conversations' later sends, in the order they had. */
  #putBack(batch: readonly Pending[]): void {
    for (const pending of batch.toReversed()) {
      const { conversationId } = pending
      const queue = this.#queues.get(conversationId)
      if (queue) queue.unshift(pending)
      else this.#queues.set(conversationId, [pending])
    }
  }

  #repeat(again: readonly Pending[], waiting: ReadonlySet<ConversationId>): void {
    this.#putBack(again)
    for (const pending of again) {
      if (++pending.attempts > ATTEMPTS_MAX) {
        this.#refuse(pending, new DomainError('overloaded', 'The conversation is changing too fast.'))
      } else if (pending.item === null) this.#prepare(pending, true)
    }
    for (const conversationId of waiting) void this.#commitAlone(conversationId)
  }

  /** A conversation that somebody else holds locked: waits for it apart, so that others do not. */
  async #commitAlone(conversationId: ConversationId): Promise<void> {
    if (this.#held.has(conversationId)) return
    this.#held.add(conversationId)
    const queue = this.#queues.get(conversationId) ?? []
    let ready = 0
    while (ready < Math.min(queue.length, this.#limit) && queue[ready]?.item) ready++
    const batch = queue.splice(0, ready)
    if (queue.length === 0) this.#queues.delete(conversationId)
    if (batch.length > 0) await this.#commit(batch, true)
    this.#held.delete(conversationId)
    this.#schedule()
  }
}

function isItemFault(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && ITEM_FAULT.test(code)
}
