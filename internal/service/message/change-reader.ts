import { type Change, type ChangeEntry, changeBodyOf } from '../../domain/change.ts'
import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import { type MessageReader, missing, seqsBetween } from './message-reader.ts'
import type { MessageArchive, MessageLog, Standpoint } from './ports.ts'

const CHANGES_MAX = 200

/** Changes in order of rev: from the log, and from the archive what the log has forgotten. */
export class ChangeReader {
  readonly #log: MessageLog
  readonly #archive: MessageArchive
  readonly #reader: MessageReader

  constructor(log: MessageLog, archive: MessageArchive, reader: MessageReader) {
    this.#log = log
    this.#archive = archive
    this.#reader = reader
  }

  /**
   * At most 200 after a rev, contiguous: as far as they can be read, with the reason when that is not to the
   * end. `rev` is the last one's.
   */
  async since(
    conversationId: ConversationId,
    viewerId: UserId,
    standpoint: Standpoint,
    after: Rev,
  ): Promise<{ changes: Change[]; rev: Rev; fault: unknown }> {
    const to = Math.min(standpoint.rev, after + CHANGES_MAX)
    const { entries, fault } = await this.entries(conversationId, after + 1, to)
    const seqs = [...new Set(entries.map((entry) => entry.targetSeq))]
    const found = await this.messages(conversationId, viewerId, standpoint, seqs)
    const messages = new Map(found.messages.map((message) => [message.seq, message]))
    const changes: Change[] = []
    for (const entry of entries) {
      const { rev, kind, targetSeq } = entry
      if (found.lost.has(targetSeq)) return { changes, rev: rev - 1, fault: found.fault }
      const { messageId } = changeBodyOf(entry)
      changes.push({ rev, kind, messageId, seq: targetSeq, message: messages.get(targetSeq) ?? null })
    }
    // A fault at the first of them: nothing is passed that was not read.
    return { changes, rev: entries.at(-1)?.rev ?? (fault ? after : to), fault }
  }

  /** A prefix without gaps, with the reason when it is not all. */
  async entries(
    conversationId: ConversationId,
    from: Rev,
    to: Rev,
  ): Promise<{ entries: ChangeEntry[]; fault: unknown }> {
    if (from > to) return { entries: [], fault: null }
    const found = new Map<Rev, ChangeEntry>()
    for (const entry of await this.#log.changes(conversationId, from, to)) found.set(entry.rev, entry)
    const lacking = missing(found, seqsBetween(from, to))
    const [first] = lacking
    if (first === undefined) return { entries: [...found.values()], fault: null }
    try {
      const last = lacking.at(-1) ?? first
      for (const entry of await this.#archive.changes(conversationId, first, last)) {
        if (!found.has(entry.rev)) found.set(entry.rev, entry)
      }
    } catch (fault) {
      const reachable = [...found.values()].filter(({ rev }) => rev < first)
      return { entries: inOrder(reachable), fault }
    }
    return { entries: inOrder([...found.values()]), fault: null }
  }

  /** Those that the viewer may see, ascending; `lost` could not be read. */
  async messages(
    conversationId: ConversationId,
    viewerId: UserId,
    { firstVisible, seq: head }: Standpoint,
    asked: readonly Seq[],
  ): Promise<{ messages: Message[]; lost: Set<Seq>; fault: unknown }> {
    const seqs = asked.filter((seq) => seq >= firstVisible && seq <= head)
    if (seqs.length === 0) return { messages: [], lost: new Set(), fault: null }
    const [{ entries, fault }, overlays, hidden] = await Promise.all([
      this.#reader.rows(conversationId, seqs),
      this.#reader.overlays(conversationId, seqs),
      this.#log.hidden(conversationId, viewerId, seqs),
    ])
    const lost = new Set(fault ? missing(entries, seqs) : [])
    const given = { conversationId, viewerId, entries: [...entries.values()], overlays, hidden }
    return { messages: await this.#reader.present(given), lost, fault: lost.size > 0 ? fault : null }
  }
}

function inOrder(entries: ChangeEntry[]): ChangeEntry[] {
  return entries.sort((a, b) => a.rev - b.rev)
}
