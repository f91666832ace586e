import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import { bodyOf, type LogEntry } from '../../domain/log-entry.ts'
import type { MessageArchive, MessageLog } from '../message/ports.ts'
import type { AuthoredPage } from './ports.ts'

/** What the archive reads at once. */
const STEP = 200
const STEPS = 5

/** Finds what somebody wrote in a conversation by looking at every message: no index knows authors. */
export class AuthoredMessages {
  readonly #log: Pick<MessageLog, 'heads' | 'entries'>
  readonly #archive: Pick<MessageArchive, 'range'>

  constructor(log: Pick<MessageLog, 'heads' | 'entries'>, archive: Pick<MessageArchive, 'range'>) {
    this.#log = log
    this.#archive = archive
  }

  /** @throws DomainError dependency_unavailable when the archive cannot be read. */
  async page(conversationId: ConversationId, userId: UserId, afterSeq: Seq): Promise<AuthoredPage> {
    const head = (await this.#log.heads([conversationId])).get(conversationId)
    const end = head?.seq ?? 0
    const seqs: Seq[] = []
    let after = afterSeq
    for (let step = 0; step < STEPS && after < end; step++) {
      const to = Math.min(after + STEP, end)
      for (const entry of await this.#rows(conversationId, after + 1, to)) {
        if (entry.senderId === userId && bodyOf(entry.payload).type !== 'system') seqs.push(entry.seq)
      }
      after = to
    }
    return { seqs, next: after < end ? after : null }
  }

  /** Ascending; the log has what the archive may not have yet. */
  async #rows(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    const rows = new Map<Seq, LogEntry>()
    for (const entry of await this.#archive.range(conversationId, from, to)) rows.set(entry.seq, entry)
    const lacking: Seq[] = []
    for (let seq = from; seq <= to; seq++) if (!rows.has(seq)) lacking.push(seq)
    if (lacking.length > 0) {
      for (const entry of await this.#log.entries(conversationId, lacking)) rows.set(entry.seq, entry)
    }
    return [...rows.values()].sort((a, b) => a.seq - b.seq)
  }
}
