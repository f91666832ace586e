import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import { bodyOf, isExpired, type LogEntry, messageOf } from '../../domain/log-entry.ts'
import type { Message } from '../../domain/message.ts'
import { withState } from '../message/message-reader.ts'
import type { MessageArchive, MessageLog } from '../message/ports.ts'
import type { AuthoredPage } from './ports.ts'

/** What the archive reads at once. */
const STEP = 200
const STEPS = 5

type Log = Pick<MessageLog, 'heads' | 'entries' | 'overlays'>

/** Finds what somebody wrote in a conversation by looking at every message: no index knows authors. */
export class AuthoredMessages {
  readonly #log: Log
  readonly #archive: Pick<MessageArchive, 'range'>
  readonly #now: () => number

  constructor(log: Log, archive: Pick<MessageArchive, 'range'>, now: () => number) {
    this.#log = log
    this.#archive = archive
    this.#now = now
  }

  /** A part of them, ascending. @throws DomainError dependency_unavailable when the archive cannot be read. */
  async page(conversationId: ConversationId, userId: UserId, afterSeq: Seq): Promise<AuthoredPage> {
    const head = (await this.#log.heads([conversationId])).get(conversationId)
    const end = head?.seq ?? 0
    const entries: LogEntry[] = []
    let after = afterSeq
    for (let step = 0; step < STEPS && after < end; step++) {
      const to = Math.min(after + STEP, end)
      for (const entry of await this.#rows(conversationId, after + 1, to)) {
        if (entry.senderId === userId && bodyOf(entry.payload).type !== 'system') entries.push(entry)
      }
      after = to
    }
    return { entries, next: after < end ? after : null }
  }

  /** All that can still be read, as they are now. */
  async *messages(conversationId: ConversationId, userId: UserId): AsyncIterable<Message> {
    let after: Seq | null = 0
    while (after !== null) {
      const page: AuthoredPage = await this.page(conversationId, userId, after)
      for (let start = 0; start < page.entries.length; start += STEP) {
        const entries = page.entries.slice(start, start + STEP)
        const seqs = entries.map(({ seq }) => seq)
        const overlays = await this.#log.overlays(conversationId, seqs)
        for (const entry of entries) {
          const message = messageOf(withState(entry, overlays), overlays.replies.get(entry.seq) ?? 0)
          if (!message.deletedAt && !isExpired(message, this.#now())) yield message
        }
      }
      after = page.next
    }
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
