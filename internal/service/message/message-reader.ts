import { notFound } from '../../domain/errors.ts'
import { type ConversationId, type Seq, seqOfMessageId, type UserId } from '../../domain/ids.ts'
import { isExpired, type LogEntry, messageOf } from '../../domain/log-entry.ts'
import type { Message, ReactionSummary } from '../../domain/message.ts'
import { excerpt } from '../../domain/text.ts'
import type { MessageArchive, MessageLog, Overlays, SeqRange, Window } from './ports.ts'

export const EXCERPT_MAX = 140

/** Rows found, and why others could not be read; null when they could or need not. */
export interface Found {
  entries: Map<Seq, LogEntry>
  fault: unknown
}

export interface Presentation {
  conversationId: ConversationId
  /** Null when nobody in particular asks: then nothing is left out. */
  viewerId: UserId | null
  entries: readonly LogEntry[]
  overlays: Overlays
  hidden: ReadonlySet<Seq>
}

/**
 * Rows from where they are: the log first (what the archive may not have), the archive second; and the messages
 * that they are by now. A reader sees every committed message.
 */
export class MessageReader {
  readonly #log: MessageLog
  readonly #archive: MessageArchive
  readonly #now: () => number

  constructor(log: MessageLog, archive: MessageArchive, now: () => number) {
    this.#log = log
    this.#archive = archive
    this.#now = now
  }

  /** @throws DomainError not_found for those who are not members. */
  async window(
    conversationId: ConversationId,
    viewerId: UserId,
    range: SeqRange,
  ): Promise<Found & { window: Window }> {
    const window = await this.#log.window(conversationId, viewerId, range)
    if (!window) throw notFound('conversation')
    const entries = new Map(window.tail.map((entry) => [entry.seq, entry]))
    const { from, to } = window
    if (!missing(entries, seqsBetween(from, to)).length) return { window, entries, fault: null }
    const fault = await this.#archive.range(conversationId, from, to).then(adding(entries), theError)
    // The archive may be down, or have forgotten at a crash what it had acknowledged; the log helps out.
    const lacking = missing(entries, seqsBetween(from, to))
    if (lacking.length > 0) adding(entries)(await this.#log.entries(conversationId, lacking))
    return { window, entries, fault }
  }

  /** At most 200 seqs, whoever asks. */
  async rows(conversationId: ConversationId, seqs: readonly Seq[]): Promise<Found> {
    const entries = new Map<Seq, LogEntry>()
    if (seqs.length === 0) return { entries, fault: null }
    adding(entries)(await this.#log.entries(conversationId, seqs))
    const lacking = missing(entries, seqs)
    if (lacking.length === 0) return { entries, fault: null }
    const fault = await this.#archive.entries(conversationId, lacking).then(adding(entries), theError)
    return { entries, fault }
  }

  overlays(conversationId: ConversationId, seqs: readonly Seq[]): Promise<Overlays> {
    return this.#log.overlays(conversationId, seqs)
  }

  /** Ascending. Three more queries at most: quoted messages, and twice the viewer's own reactions. */
  async present(given: Presentation): Promise<Message[]> {
    const { conversationId, viewerId, overlays, hidden } = given
    const nowMs = this.#now()
    const messages = given.entries
      .map((entry) => messageOf(withState(entry, overlays), overlays.replies.get(entry.seq) ?? 0))
      .filter((message) => viewerId === null || !(hidden.has(message.seq) || isExpired(message, nowMs)))
      .sort((a, b) => a.seq - b.seq)
    await this.#quote(conversationId, messages, nowMs)
    if (viewerId) await this.#markOwn(conversationId, viewerId, messages)
    return messages
  }

  /** Whether the user's reaction is there now. */
  async hasReacted(
    conversationId: ConversationId,
    userId: UserId,
    seq: Seq,
    { emoji, count, userIds }: ReactionSummary,
  ): Promise<boolean> {
    if (userIds.includes(userId)) return true
    if (count <= userIds.length) return false
    return (await this.#ownReactions(conversationId, userId, [{ seq, emoji }])).has(`${seq} ${emoji}`)
  }

  async #markOwn(conversationId: ConversationId, viewerId: UserId, messages: Message[]): Promise<void> {
    const unsure: { seq: Seq; emoji: string }[] = []
    for (const { seq, reactions } of messages) {
      for (const reaction of reactions) {
        const { emoji, count, userIds } = reaction
        reaction.mine = userIds.includes(viewerId)
        if (!reaction.mine && count > userIds.length) unsure.push({ seq, emoji })
      }
    }
    if (unsure.length === 0) return
    const own = await this.#ownReactions(conversationId, viewerId, unsure)
    for (const { seq, reactions } of messages) {
      for (const reaction of reactions) reaction.mine ||= own.has(`${seq} ${reaction.emoji}`)
    }
  }

  async #ownReactions(
    conversationId: ConversationId,
    userId: UserId,
    asked: readonly { seq: Seq; emoji: string }[],
  ): Promise<Set<string>> {
    const seqs = [...new Set(asked.map(({ seq }) => seq))]
    const recent = await this.#log.reactionsBy(conversationId, userId, seqs)
    const archived = await this.#archive.reactedBy(conversationId, userId, asked)
    const own = new Set(archived.map(({ seq, emoji }) => `${seq} ${emoji}`))
    for (const { seq, emoji, added } of recent) {
      if (added) own.add(`${seq} ${emoji}`)
      else own.delete(`${seq} ${emoji}`)
    }
    return own
  }

  /** A quote that cannot be read now stays empty: it is not worth failing a page for. */
  async #quote(conversationId: ConversationId, messages: readonly Message[], nowMs: number): Promise<void> {
    const texts = new Map(messages.map((message) => [message.seq, message]))
    const elsewhere = new Set<Seq>()
    for (const { replyTo } of messages) if (replyTo && !texts.has(replyTo.seq)) elsewhere.add(replyTo.seq)
    if (elsewhere.size > 0) {
      const seqs = [...elsewhere]
      const [{ entries }, overlays] = await Promise.all([
        this.rows(conversationId, seqs),
        this.overlays(conversationId, seqs),
      ])
      for (const entry of entries.values()) texts.set(entry.seq, messageOf(withState(entry, overlays)))
    }
    for (const { replyTo } of messages) {
      const quoted = replyTo && texts.get(replyTo.seq)
      if (!quoted || quoted.id !== replyTo.id || isExpired(quoted, nowMs)) continue
      replyTo.excerpt = excerpt(quoted.content, EXCERPT_MAX)
    }
  }
}

/** Of the log's and the archive's state the later one. */
export function withState(entry: LogEntry, { states }: Overlays): LogEntry {
  const recent = states.get(entry.seq)
  if (!recent || (entry.state && entry.state.rev >= recent.rev)) return entry
  return { ...entry, state: recent }
}

export function seqsBetween(from: Seq, to: Seq): Seq[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n)
}

export function missing(entries: ReadonlyMap<Seq, unknown>, seqs: readonly Seq[]): Seq[] {
  return seqs.filter((seq) => !entries.has(seq))
}

/** The seq of a message's id. @throws DomainError not_found when it is none of ours. */
export function seqOf(messageId: Message['id']): Seq {
  const seq = seqOfMessageId(messageId)
  if (seq === null) throw notFound('message')
  return seq
}

/** Adds what is not there yet; answers that nothing went wrong. */
function adding(entries: Map<Seq, LogEntry>) {
  return (found: readonly LogEntry[]): unknown => {
    for (const entry of found) if (!entries.has(entry.seq)) entries.set(entry.seq, entry)
    return null
  }
}

function theError(error: unknown): unknown {
  return error
}
