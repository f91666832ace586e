import type { Change } from '../../domain/change.ts'
import { notFound } from '../../domain/errors.ts'
import type { ConversationId, MessageId, Rev, Seq, UserId } from '../../domain/ids.ts'
import { expiryOf, type LogEntry, messageOf } from '../../domain/log-entry.ts'
import type { Message } from '../../domain/message.ts'
import { ChangeReader } from './change-reader.ts'
import { newest, type Reading } from './message-page.ts'
import { type Found, MessageReader, missing, seqOf, seqsBetween, withState } from './message-reader.ts'
import { type Following, MissedRows } from './missed-rows.ts'
import type { MessageArchive, MessageLog, SeqRange, Standpoint, Window } from './ports.ts'

export interface Cursor {
  seq: Seq
  /** Null when the client follows no changes. */
  rev: Rev | null
  /** Null when the client does not know. */
  epoch: string | null
}

export interface CatchUp {
  standpoint: Standpoint
  /** The cursor to come back with: what the answer reaches. */
  seq: Seq
  rev: Rev
  messages: Message[]
  changes: Change[]
  /** Messages that the viewer hid on another device since then, or at the cursor's very rev. */
  hidden: readonly Seq[]
  more: boolean
  /** What the client has is to be discarded: it is of another history, or of before what it may see now. */
  reset: boolean
  /** `messages` are the newest, and not what follows the cursor. */
  isNewest: boolean
}

const FOLLOWING_MAX = 200
const NEWEST = 50

/** The one way conversations are read: pages, joins, sync and healing. */
export class History {
  readonly #log: MessageLog
  readonly #archive: MessageArchive
  readonly #reader: MessageReader
  readonly #changes: ChangeReader
  readonly #missedRows: MissedRows
  readonly #now: () => number

  constructor(log: MessageLog, archive: MessageArchive, now: () => number = Date.now) {
    this.#log = log
    this.#archive = archive
    this.#now = now
    this.#reader = new MessageReader(log, archive, now)
    this.#changes = new ChangeReader(log, archive, this.#reader)
    this.#missedRows = new MissedRows(log, this.#reader, this.#changes)
  }

  /** @throws DomainError not_found for those who are not members, dependency_unavailable. */
  async read(conversationId: ConversationId, viewerId: UserId, range: SeqRange): Promise<Reading> {
    const { window, ...found } = await this.#reader.window(conversationId, viewerId, range)
    if (found.fault && missing(found.entries, seqsBetween(window.from, window.to)).length > 0) {
      throw found.fault
    }
    return this.#reading(conversationId, viewerId, window, found)
  }

  /**
   * As `read`, but while the archive cannot be read answers what there is without it, next to the place asked
   * for and without gaps; the window then ends where it does.
   */
  async readReachable(
    conversationId: ConversationId,
    viewerId: UserId,
    range: SeqRange & { anchor: 'before' | 'after' },
  ): Promise<Reading> {
    const { window, ...found } = await this.#reader.window(conversationId, viewerId, range)
    if (!found.fault) return this.#reading(conversationId, viewerId, window, found)
    let { from, to } = window
    if (range.anchor === 'after') to = Math.min(to, reach(found.entries, from, 1) - 1)
    else from = Math.max(from, reach(found.entries, to, -1) + 1)
    return this.#reading(conversationId, viewerId, { ...window, from, to }, found)
  }

  /** @throws DomainError not_found when there is none by that id that the viewer may see. */
  async one(
    conversationId: ConversationId,
    viewerId: UserId,
    id: MessageId,
  ): Promise<{ window: Window; entry: LogEntry; message: Message }> {
    const { entry, window } = await this.visible(conversationId, viewerId, seqOf(id))
    const given = { conversationId, viewerId, entries: [entry], overlays: window, hidden: window.hidden }
    const [message] = await this.#reader.present(given)
    if (message?.id !== id) throw notFound('message')
    return { window, entry, message }
  }

  /** The row with its state, hidden by the viewer or not. @throws DomainError not_found, dependency_unavailable. */
  async visible(
    conversationId: ConversationId,
    viewerId: UserId,
    seq: Seq,
  ): Promise<{ window: Window; entry: LogEntry }> {
    const range = { anchor: 'after', seq: seq - 1, limit: 1 } as const
    const { window, entries, fault } = await this.#reader.window(conversationId, viewerId, range)
    const entry = entries.get(seq)
    if (entry && window.from <= seq && seq <= window.to) return { window, entry: withState(entry, window) }
    throw fault ?? notFound('message')
  }

  /** The seq of a message, hidden by the viewer or not. @throws DomainError as `one`. */
  async placeOf(conversationId: ConversationId, viewerId: UserId, id: MessageId): Promise<Seq> {
    const { entry } = await this.visible(conversationId, viewerId, seqOf(id))
    if (messageOf(entry).id !== id) throw notFound('message')
    return entry.seq
  }

  /** The row with its state, whoever asks; null when there is none. @throws DomainError dependency_unavailable. */
  async row(conversationId: ConversationId, seq: Seq): Promise<LogEntry | null> {
    const [{ entries, fault }, overlays] = await Promise.all([
      this.#reader.rows(conversationId, [seq]),
      this.#reader.overlays(conversationId, [seq]),
    ])
    const entry = entries.get(seq)
    if (!entry && fault) throw fault
    return entry ? withState(entry, overlays) : null
  }

  /** Which of these, at most 200, are no more: disappeared, or below retention's floor. */
  async gone(conversationId: ConversationId, seqs: readonly Seq[]): Promise<Seq[]> {
    const { entries, fault } = await this.#reader.rows(conversationId, seqs)
    if (fault) throw fault
    const nowUs = this.#now() * 1000
    return seqs.filter((seq) => {
      const entry = entries.get(seq)
      return !entry || (expiryOf(entry) ?? Number.POSITIVE_INFINITY) <= nowUs
    })
  }

  /** Up to `limit` users who have reacted so by now. */
  async reactors(conversationId: ConversationId, seq: Seq, emoji: string, limit: number): Promise<UserId[]> {
    const recent = await this.#log.reactionsTo(conversationId, seq, emoji)
    const archived = await this.#archive.reactors(conversationId, seq, emoji, limit + recent.length)
    const users = new Set(archived)
    for (const { userId, added } of recent) {
      if (added) users.add(userId)
      else users.delete(userId)
    }
    return [...users].slice(0, limit)
  }

  /** Messages by seq, ascending, of those that the viewer may see; at most 200. */
  async some(conversationId: ConversationId, viewerId: UserId, seqs: readonly Seq[]): Promise<Message[]> {
    const standpoint = await this.standpoint(conversationId, viewerId)
    const { messages, fault } = await this.#changes.messages(conversationId, viewerId, standpoint, seqs)
    if (fault) throw fault
    return messages
  }

  /** @throws DomainError not_found for those who are not members. */
  async standpoint(conversationId: ConversationId, viewerId: UserId): Promise<Standpoint> {
    const standpoint = await this.#log.standpoint(conversationId, viewerId)
    if (!standpoint) throw notFound('conversation')
    return standpoint
  }

  /** Changes above a rev, at most 200. @throws DomainError not_found, dependency_unavailable. */
  async changes(
    conversationId: ConversationId,
    viewerId: UserId,
    after: Rev,
  ): Promise<{ changes: Change[]; rev: Rev; more: boolean }> {
    const standpoint = await this.standpoint(conversationId, viewerId)
    const read = await this.#changes.since(conversationId, viewerId, standpoint, after)
    const { changes, rev, fault } = read
    if (fault && changes.length === 0) throw fault
    return { changes, rev, more: rev < standpoint.rev }
  }

  /**
   * What was missed since a cursor, as far as it can be reached now: at most 200 messages and as many changes;
   * without a cursor the newest 50. @throws DomainError not_found.
   */
  async catchUp(conversationId: ConversationId, viewerId: UserId, cursor: Cursor | null): Promise<CatchUp> {
    if (cursor) {
      const since = cursor.rev === null ? {} : { hiddenSince: cursor.rev }
      const range = { anchor: 'after', seq: cursor.seq, limit: FOLLOWING_MAX, ...since } as const
      const reading = await this.readReachable(conversationId, viewerId, range)
      const { window } = reading
      const isKnown =
        (cursor.epoch === null || cursor.epoch === window.epoch) &&
        cursor.seq <= window.seq &&
        (cursor.rev ?? 0) <= window.rev
      if (isKnown) {
        const missed = await this.#missed(conversationId, viewerId, reading, cursor.rev ?? window.rev)
        return { ...missed, reset: mayHaveMore(cursor, window), isNewest: false }
      }
    }
    const { window, messages } = await this.readReachable(conversationId, viewerId, newest(NEWEST))
    const { seq, rev } = window
    // The archive does not answer: what is there comes later, as newest again.
    const more = window.to < window.seq
    const reset = cursor !== null
    return { standpoint: window, seq, rev, messages, changes: [], hidden: [], more, reset, isNewest: true }
  }

  /** What live delivery missed, for the node itself and not for a member: at most 200 of each after a place. */
  following(conversationId: ConversationId, after: { seq: Seq; rev: Rev }): Promise<Following> {
    return this.#missedRows.following(conversationId, after)
  }

  async #missed(
    conversationId: ConversationId,
    viewerId: UserId,
    { window, messages }: Reading,
    after: Rev,
  ): Promise<Omit<CatchUp, 'reset' | 'isNewest'>> {
    const { changes, rev } = await this.#changes.since(conversationId, viewerId, window, after)
    const seq = Math.max(window.to, Math.min(window.firstVisible - 1, window.seq))
    const more = seq < window.seq || rev < window.rev
    const { hiddenSince: hidden } = window
    return { standpoint: window, seq, rev, messages, changes, hidden, more }
  }

  async #reading(
    conversationId: ConversationId,
    viewerId: UserId,
    window: Window,
    { entries }: Found,
  ): Promise<Reading> {
    const { from, to, hidden } = window
    const within = [...entries.values()].filter(({ seq }) => seq >= from && seq <= to)
    const given = { conversationId, viewerId, entries: within, overlays: window, hidden }
    return { window, messages: await this.#reader.present(given) }
  }
}

/** The first seq from `start` on, going by `step`, that is not there. */
function reach(found: ReadonlyMap<Seq, unknown>, start: Seq, step: 1 | -1): Seq {
  let seq = start
  while (found.has(seq)) seq += step
  return seq
}

/**
 * Whether the reader may have messages from before what they may see now: they were removed and came back while they
 * were away, or retention took them.
 */
function mayHaveMore({ seq }: Cursor, { firstVisible, seq: head }: Standpoint): boolean {
  return seq > 0 && seq < firstVisible && seq < head
}
