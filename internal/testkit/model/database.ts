import type { LogRecord } from '../../domain/change.ts'
import { unavailable } from '../../domain/errors.ts'
import type { ConversationId } from '../../domain/ids.ts'
import { laneOf } from '../../domain/ids.ts'
import type { Rules } from './rules.ts'
import type { Schedule } from './schedule.ts'

export interface ModelHead {
  seq: number
  rev: number
  ordinal: number
  stamp: number
  memberVersion: number
}

export interface ModelRow {
  lane: number
  xid: number
  position: number
  record: LogRecord
  bodyHash: string
}

interface Lock {
  owner: Transaction
  waiting: { transaction: Transaction; wake(): void }[]
}

/** One transaction of the model's PostgreSQL. */
export interface Transaction {
  /** The node that asked. */
  node: string
  xid: number | null
  isOver: boolean
}

/**
 * A PostgreSQL as far as the log rests on it: transactions that take their id and their places early and commit
 * late, row locks with a queue, snapshots that know the oldest transaction, and crashes.
 */
export class ModelDatabase {
  readonly rules: Rules
  readonly schedule: Schedule
  readonly heads = new Map<ConversationId, ModelHead>()
  /** What the log still has, by conversation and in the order of commits. */
  readonly rows = new Map<ConversationId, ModelRow[]>()
  /** Each committed record as it was then: what the model knows to be true. */
  readonly committed = new Map<ConversationId, LogRecord[]>()
  /** Connections break and answers are lost. */
  isFaulty = true
  readonly #open = new Set<Transaction>()
  readonly #locks = new Map<ConversationId, Lock>()
  #nextXid = 1
  #nextPosition = 1

  constructor(rules: Rules, schedule: Schedule) {
    this.rules = rules
    this.schedule = schedule
  }

  addConversation(id: ConversationId): void {
    this.heads.set(id, { seq: 0, rev: 0, ordinal: 0, stamp: 0, memberVersion: 1 })
    this.rows.set(id, [])
    this.committed.set(id, [])
  }

  begin(node: string): Transaction {
    const transaction: Transaction = { node, xid: null, isOver: false }
    this.#open.add(transaction)
    // As one that has written elsewhere before.
    if (this.schedule.random.chance(0.6)) this.xidOf(transaction)
    return transaction
  }

  xidOf(transaction: Transaction): number {
    transaction.xid ??= this.#nextXid++
    return transaction.xid
  }

  takePosition(): number {
    return this.#nextPosition++
  }

  /** Something else runs meanwhile. @throws DomainError when the transaction did not survive it. */
  async stall(transaction: Transaction): Promise<void> {
    const { random } = this.schedule
    for (let turns = random.chance(0.3) ? 16 : 1; turns > 0; turns--) await this.schedule.turn()
    if (transaction.isOver) throw unavailable('PostgreSQL')
  }

  /** False when somebody else has it and `wait` is not wanted. */
  async lock(transaction: Transaction, id: ConversationId, wait: boolean): Promise<boolean> {
    const lock = this.#locks.get(id)
    if (!lock) {
      this.#locks.set(id, { owner: transaction, waiting: [] })
      return true
    }
    if (!wait) return false
    await new Promise<void>((wake) => lock.waiting.push({ transaction, wake }))
    if (transaction.isOver) throw unavailable('PostgreSQL')
    return true
  }

  commit(transaction: Transaction, rows: readonly ModelRow[]): void {
    for (const row of rows) {
      const { conversationId } = row.record
      this.rows.get(conversationId)?.push(row)
      this.committed.get(conversationId)?.push({ ...row.record })
    }
    this.#end(transaction)
  }

  rollback(transaction: Transaction): void {
    if (!transaction.isOver) this.#end(transaction)
  }

  /** The answer to a committed transaction is on its way. @throws DomainError when it is lost. */
  async answer(): Promise<void> {
    await this.schedule.turn()
    if (this.isFaulty && this.schedule.random.chance(0.08)) throw unavailable('PostgreSQL')
  }

  /** Ends connections in the middle of what they do; all, or those of one node. */
  terminate(node: string | null = null): void {
    for (const transaction of [...this.#open]) {
      if (node === null || (transaction.node === node && this.schedule.random.chance(0.5))) {
        this.#end(transaction)
      }
    }
  }

  /** Below it all transactions have ended. */
  horizon(): number {
    let lowest = this.#nextXid
    for (const { xid } of this.#open) if (xid !== null && xid < lowest) lowest = xid
    return lowest
  }

  /** Rows of a lane after a place, in the followers' order. */
  laneRows(lane: number, after: { xid: number; position: number }): ModelRow[] {
    const horizon = this.rules.horizon ? this.horizon() : Number.POSITIVE_INFINITY
    const found: ModelRow[] = []
    for (const [id, rows] of this.rows) {
      if (laneOf(id) !== lane) continue
      for (const row of rows) {
        if (row.xid < horizon && isPast(this.placeOf(row), after)) found.push(row)
      }
    }
    return found.sort((a, b) => (isPast(this.placeOf(a), this.placeOf(b)) ? 1 : -1))
  }

  placeOf(row: ModelRow): { xid: number; position: number } {
    return { xid: this.rules.transactionOrder ? row.xid : 0, position: row.position }
  }

  #end(transaction: Transaction): void {
    transaction.isOver = true
    this.#open.delete(transaction)
    for (const [id, lock] of this.#locks) {
      if (lock.owner === transaction) this.#handOn(id, lock)
      // Whoever waits and was ended learns of it.
      for (const waiter of lock.waiting.filter((waiter) => waiter.transaction === transaction)) waiter.wake()
      lock.waiting = lock.waiting.filter((waiter) => waiter.transaction !== transaction)
    }
  }

  #handOn(id: ConversationId, lock: Lock): void {
    const next = lock.waiting.shift()
    if (!next) {
      this.#locks.delete(id)
      return
    }
    lock.owner = next.transaction
    next.wake()
  }
}

export function isPast(a: { xid: number; position: number }, b: { xid: number; position: number }): boolean {
  return a.xid > b.xid || (a.xid === b.xid && a.position > b.position)
}
