import { DomainError, notFound } from '../../domain/errors.ts'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import { type LogEntry, messageOf } from '../../domain/log-entry.ts'
import type { Message } from '../../domain/message.ts'
import type { MessageArchive, MessageLog, SeqRange, Window } from './ports.ts'

export interface Reading {
  window: Window
  /** The window's range, ascending and without gaps. */
  messages: Message[]
}

const FOLLOWING_MAX = 200

/**
 * The one way messages are read: tail first (what the archive may not have, with head and cursor, in one
 * statement), archive second. A reader sees every committed message.
 */
export class History {
  readonly #log: MessageLog
  readonly #archive: MessageArchive

  constructor(log: MessageLog, archive: MessageArchive) {
    this.#log = log
    this.#archive = archive
  }

  /** @throws DomainError not_found for those who are not members, dependency_unavailable. */
  async read(conversationId: ConversationId, viewerId: UserId, range: SeqRange): Promise<Reading> {
    const { window, found, fault } = await this.#find(conversationId, viewerId, range)
    if (fault && isMissing(found, window.from, window.to)) throw fault
    return readingOf(window, found)
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
    const { window, found, fault } = await this.#find(conversationId, viewerId, range)
    if (!fault) return readingOf(window, found)
    let { from, to } = window
    if (range.anchor === 'after') to = Math.min(to, reach(found, from, 1) - 1)
    else from = Math.max(from, reach(found, to, -1) + 1)
    return readingOf({ ...window, from, to }, found)
  }

  /** What live delivery missed, for the node itself and not for a member: at most 200 after a seq. */
  async following(conversationId: ConversationId, after: Seq): Promise<Message[]> {
    const head = (await this.#log.heads([conversationId])).get(conversationId) ?? 0
    const [from, to] = [after + 1, Math.min(head, after + FOLLOWING_MAX)]
    if (from > to) return []
    const found = bySeq(await this.#log.entries(conversationId, from, to))
    const fault = await this.#fill(conversationId, from, to, found)
    if (fault && isMissing(found, from, to)) throw fault
    return messagesOf(found, from, to)
  }

  async #find(conversationId: ConversationId, viewerId: UserId, range: SeqRange) {
    const window = await this.#log.window(conversationId, viewerId, range)
    if (!window) throw notFound('conversation')
    const found = bySeq(window.tail)
    return { window, found, fault: await this.#fill(conversationId, window.from, window.to, found) }
  }

  /** Adds what is missing; answers why the archive could not be read, null when it could or need not. */
  async #fill(conversationId: ConversationId, from: Seq, to: Seq, found: Entries): Promise<unknown> {
    if (!isMissing(found, from, to)) return null
    const add = (entries: LogEntry[]) => {
      for (const entry of entries) if (!found.has(entry.seq)) found.set(entry.seq, entry)
    }
    const fault = await this.#archive.range(conversationId, from, to).then(
      (entries) => {
        add(entries)
        return null
      },
      (error: unknown) => error,
    )
    // The archive may be down, or have forgotten at a crash what it had acknowledged; the log helps out.
    if (isMissing(found, from, to)) add(await this.#log.entries(conversationId, from, to))
    return fault
  }
}

type Entries = Map<Seq, LogEntry>

function bySeq(entries: readonly LogEntry[]): Entries {
  return new Map(entries.map((entry) => [entry.seq, entry]))
}

function readingOf(window: Window, found: Entries): Reading {
  return { window, messages: messagesOf(found, window.from, window.to) }
}

function messagesOf(found: Entries, from: Seq, to: Seq): Message[] {
  const entries = [...found.values()].filter(({ seq }) => seq >= from && seq <= to)
  return entries.sort((a, b) => a.seq - b.seq).map(messageOf)
}

/** The first seq from `start` on, going by `step`, that is not there. */
function reach(found: Entries, start: Seq, step: 1 | -1): Seq {
  let seq = start
  while (found.has(seq)) seq += step
  return seq
}

function isMissing(found: Entries, from: Seq, to: Seq): boolean {
  for (let seq = from; seq <= to; seq++) if (!found.has(seq)) return true
  return false
}

export interface PageQuery {
  before?: Seq | undefined
  after?: Seq | undefined
  around?: Seq | undefined
  limit: number
}

export interface MessagePage {
  items: Message[]
  hasBefore: boolean
  hasAfter: boolean
}

/** @throws DomainError validation_failed when more than one place is given. */
export function rangeOf({ before, after, around, limit }: PageQuery): SeqRange {
  const given = [before, after, around].filter((seq) => seq !== undefined)
  if (given.length > 1) {
    throw new DomainError('validation_failed', 'Give one of before, after and around.', {
      errors: [{ path: 'before', message: 'cannot be combined with after or around' }],
    })
  }
  if (after !== undefined) return { anchor: 'after', seq: after, limit }
  if (around !== undefined) return { anchor: 'around', seq: around, limit }
  return before === undefined ? newest(limit) : { anchor: 'before', seq: before, limit }
}

export function newest(limit: number): SeqRange & { anchor: 'before' } {
  return { anchor: 'before', seq: Number.MAX_SAFE_INTEGER, limit }
}

export function pageOf({ window, messages }: Reading): MessagePage {
  const { firstVisible, from, to, seq } = window
  return {
    items: messages,
    hasBefore: Math.min(from, seq + 1) > firstVisible,
    hasAfter: Math.max(to, firstVisible - 1) < seq,
  }
}
