import type { ConversationId, Seq } from '../../domain/ids.ts'
import { bodyOf } from '../../domain/log-entry.ts'
import { type MessageReader, seqsBetween } from '../message/message-reader.ts'

export interface Place {
  seq: Seq
  /** Messages up to seq that are not system messages. */
  ordinal: number
}

const STEP = 200
const STEPS_MAX = 10

/** Ordinals of messages that the log no longer has. */
export class Places {
  readonly #reader: MessageReader

  constructor(reader: MessageReader) {
    this.#reader = reader
  }

  /**
   * The place of a message; when it is gone (they disappear, or fall to retention), that right below the next one
   * there is: whoever has read up to the one has read up to the other. `end` when all above it are gone, too;
   * null when more are than are looked for.
   * @throws DomainError dependency_unavailable
   */
  async at(conversationId: ConversationId, seq: Seq, headSeq: Seq): Promise<Place | 'end' | null> {
    const { entries, fault } = await this.#reader.rows(conversationId, [seq])
    const entry = entries.get(seq)
    if (entry) return { seq, ordinal: entry.ordinal }
    if (fault) throw fault
    for (let step = 0; step < STEPS_MAX; step++) {
      const from = seq + 1 + step * STEP
      if (from > headSeq) return 'end'
      const place = await this.#below(conversationId, seqsBetween(from, Math.min(headSeq, from + STEP - 1)))
      if (place) return place
    }
    return null
  }

  /** Right below the first of these that there is. */
  async #below(conversationId: ConversationId, seqs: readonly Seq[]): Promise<Place | null> {
    const { entries, fault } = await this.#reader.rows(conversationId, seqs)
    if (fault) throw fault
    const seq = seqs.find((one) => entries.has(one))
    const entry = seq === undefined ? undefined : entries.get(seq)
    if (!entry) return null
    const counts = bodyOf(entry.payload).type !== 'system'
    return { seq: entry.seq - 1, ordinal: entry.ordinal - (counts ? 1 : 0) }
  }
}
