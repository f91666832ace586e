import type { ConversationKind } from '../../domain/conversation.ts'
import type { ConversationId, Seq } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { MessageArchive } from '../message/ports.ts'
import type { ArchiveRemover, Candidate, Floor, Purge, RetentionStore } from './ports.ts'

const DAY_MS = 86_400_000
const EVERY_MS = 3_600_000
const CANDIDATES = 100
const LEASE_MS = 60_000
const PURGED_AT_ONCE = 8192
/** What the archive reads at once: a row that is missing is looked for among its next neighbours. */
const NEIGHBOURS = 200

export interface RetentionDeps {
  store: RetentionStore
  archive: Pick<MessageArchive, 'range'>
  remover: ArchiveRemover
  /** Days that messages stay, by kind of conversation; null for ever. */
  days: Record<ConversationKind, number | null>
  now(): number
}

/**
 * Removes messages whose time is over: raises each conversation's floor, below which nobody sees anything, then
 * removes what is below. Both go on where a killed process left them.
 */
export class Retention {
  readonly #deps: RetentionDeps

  constructor(deps: RetentionDeps) {
    this.#deps = deps
  }

  /** Looks at some conversations; false when all have been looked at within the hour, or none is limited. */
  async look(): Promise<boolean> {
    const { store } = this.#deps
    const cutoffs = this.#cutoffs()
    if (Object.keys(cutoffs).length === 0) return false
    const candidates = await store.next(cutoffs, CANDIDATES, EVERY_MS)
    if (candidates === null) return false
    for (const candidate of candidates) {
      const cutoff = cutoffs[candidate.kind]
      const floor = cutoff && (await this.#floorOf(candidate, cutoff.getTime() * 1000))
      if (floor) await store.raise(floor)
    }
    return true
  }

  /** Removes some rows; false when there are none to remove. */
  async purge(): Promise<boolean> {
    const { store } = this.#deps
    const purge = await store.claim(LEASE_MS)
    if (!purge) return false
    try {
      await this.#remove(purge)
    } catch (error) {
      await store.postpone(purge)
      throw error
    }
    return true
  }

  async #remove(purge: Purge): Promise<void> {
    const { store, remover } = this.#deps
    const { conversationId, afterSeq, upTo, upToRev } = purge
    const to = Math.min(upTo, afterSeq + PURGED_AT_ONCE)
    if (to > afterSeq) await remover.removeMessages(conversationId, afterSeq + 1, to)
    if (to === upTo) await remover.removeChanges(conversationId, upToRev)
    await store.purged(purge, to)
  }

  #cutoffs(): Partial<Record<ConversationKind, Date>> {
    const { days, now } = this.#deps
    const at = (limit: number) => new Date(now() - limit * DAY_MS)
    return {
      ...(days.direct !== null && { direct: at(days.direct) }),
      ...(days.group !== null && { group: at(days.group) }),
    }
  }

  /** Stamps rise strictly with seqs, so the first that is young enough is found by halving. */
  async #floorOf(candidate: Candidate, cutoffUs: number): Promise<Floor | null> {
    const { conversationId, firstSeq, seq, rev, ordinal, stamp } = candidate
    if (firstSeq > seq) return null
    if (stamp < cutoffUs) return { conversationId, firstSeq: seq + 1, rev, ordinal }
    // The first that is too old is below `high`: what cannot be read counts as young, so that it stays.
    let low = firstSeq
    let high = seq + 1
    let last: LogEntry | null = null
    while (low < high) {
      const middle = low === firstSeq && last === null ? firstSeq : Math.floor((low + high) / 2)
      const row = await this.#near(conversationId, middle, high - 1)
      if (row && row.stamp < cutoffUs) {
        last = row
        low = row.seq + 1
      } else high = middle
    }
    return last && { conversationId, firstSeq: last.seq + 1, rev: last.rev, ordinal: last.ordinal }
  }

  async #near(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry | null> {
    const range = await this.#deps.archive.range(conversationId, from, from)
    const [row] = range.length > 0 ? range : await this.#neighbours(conversationId, from, to)
    return row ?? null
  }

  #neighbours(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    return this.#deps.archive.range(conversationId, from, Math.min(to, from + NEIGHBOURS - 1))
  }
}
