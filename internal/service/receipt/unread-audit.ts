import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import { bodyOf } from '../../domain/log-entry.ts'
import { type MessageReader, missing, seqsBetween } from '../message/message-reader.ts'
import type { PointerSample, PointerSampler } from './ports.ts'

export interface UnreadDrift {
  conversationId: ConversationId
  userId: UserId
  readSeq: Seq
  /** As the counters have it, and as the messages are. */
  counted: number
  unread: number
}

export interface UnreadVerified {
  checked: number
  /** Memberships of which too much has disappeared to count. */
  uncountable: number
  drifts: UnreadDrift[]
}

const STEP = 200
/** Unread messages that are counted one by one; above that the ordinal of the last one read decides. */
const COUNTED_MAX = 1000

/** Counts unread messages themselves and compares: reads only, and what it compares is of one snapshot. */
export class UnreadAudit {
  readonly #sampler: PointerSampler
  readonly #reader: MessageReader

  constructor(sampler: PointerSampler, reader: MessageReader) {
    this.#sampler = sampler
    this.#reader = reader
  }

  /** Of about so many memberships, picked at random. @throws DomainError dependency_unavailable. */
  async verify(count: number): Promise<UnreadVerified> {
    const result: UnreadVerified = { checked: 0, uncountable: 0, drifts: [] }
    for (const sample of await this.#sampler.sample(count)) {
      const unread = await this.#unread(sample)
      if (unread === null) {
        result.uncountable++
        continue
      }
      result.checked++
      const { conversationId, userId, readSeq, headOrdinal, readOrdinal } = sample
      const counted = headOrdinal - readOrdinal
      if (counted !== unread) result.drifts.push({ conversationId, userId, readSeq, counted, unread })
    }
    return result
  }

  async #unread({ conversationId, readSeq, headSeq, headOrdinal }: PointerSample): Promise<number | null> {
    if (headSeq - readSeq <= COUNTED_MAX) {
      const counted = await this.#count(conversationId, readSeq, headSeq)
      if (counted !== null) return counted
    }
    if (readSeq === 0) return headOrdinal
    const { entries, fault } = await this.#reader.rows(conversationId, [readSeq])
    if (fault) throw fault
    const last = entries.get(readSeq)
    return last ? headOrdinal - last.ordinal : null
  }

  /** Null when some have disappeared, of which nobody can tell what they were. */
  async #count(conversationId: ConversationId, after: Seq, to: Seq): Promise<number | null> {
    let count = 0
    for (let from = after + 1; from <= to; from += STEP) {
      const seqs = seqsBetween(from, Math.min(to, from + STEP - 1))
      const { entries, fault } = await this.#reader.rows(conversationId, seqs)
      if (fault) throw fault
      if (missing(entries, seqs).length > 0) return null
      for (const { payload } of entries.values()) if (bodyOf(payload).type !== 'system') count++
    }
    return count
  }
}
