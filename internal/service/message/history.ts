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

  /** @throws DomainError not_found for those who are not members. */
  async read(conversationId: ConversationId, viewerId: UserId, range: SeqRange): Promise<Reading> {
    const window = await this.#log.window(conversationId, viewerId, range)
    if (!window) throw notFound('conversation')
    const entries = await this.#complete(conversationId, window)
    return { window, messages: entries.map(messageOf) }
  }

  /** What live delivery missed, for the node itself and not for a member: at most 200 after a seq. */
  async following(conversationId: ConversationId, after: Seq): Promise<Message[]> {
    const head = (await this.#log.heads([conversationId])).get(conversationId) ?? 0
    const [from, to] = [after + 1, Math.min(head, after + FOLLOWING_MAX)]
    if (from > to) return []
    const tail = await this.#log.entries(conversationId, from, to)
    return (await this.#complete(conversationId, { from, to, tail })).map(messageOf)
  }

  async #complete(
    conversationId: ConversationId,
    { from, to, tail }: Pick<Window, 'from' | 'to' | 'tail'>,
  ): Promise<LogEntry[]> {
    const found = new Map(tail.map((entry) => [entry.seq, entry]))
    const add = (entries: LogEntry[]) => {
      for (const entry of entries) if (!found.has(entry.seq)) found.set(entry.seq, entry)
    }
    let fault: unknown
    if (isMissing(found, from, to)) {
      // The archive may be down, or have forgotten at a crash what it had acknowledged; the log helps out.
      await this.#archive.range(conversationId, from, to).then(add, (error: unknown) => {
        fault = error
      })
      if (isMissing(found, from, to)) add(await this.#log.entries(conversationId, from, to))
      if (fault && isMissing(found, from, to)) throw fault
    }
    const entries = [...found.values()].filter((entry) => entry.seq >= from && entry.seq <= to)
    return entries.sort((a, b) => a.seq - b.seq)
  }
}

function isMissing(found: ReadonlyMap<Seq, LogEntry>, from: Seq, to: Seq): boolean {
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

export function newest(limit: number): SeqRange {
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
