import { stateAfter } from '../../domain/change.ts'
import type { ConversationId, MessageId, Seq } from '../../domain/ids.ts'
import { bodyOf, timeOf } from '../../domain/log-entry.ts'
import type { Edit, Message } from '../../domain/message.ts'
import type { Actor } from '../../domain/user.ts'
import type { History } from './history.ts'
import type { MessagePage } from './message-page.ts'
import { EDITS_MAX, type MessageArchive, type MessageLog } from './ports.ts'

export interface MessageListsDeps {
  history: History
  log: MessageLog
  archive: MessageArchive
}

/** What belongs to a message or is marked in a conversation: earlier texts, replies, pins. */
export class MessageLists {
  readonly #deps: MessageListsDeps

  constructor(deps: MessageListsDeps) {
    this.#deps = deps
  }

  /**
   * The last 100 texts it had before the present one, oldest first; none once it was deleted.
   * @throws DomainError not_found, dependency_unavailable
   */
  async edits(actor: Actor, conversationId: ConversationId, id: MessageId): Promise<Edit[]> {
    const { history, log, archive } = this.#deps
    const { entry, message } = await history.one(conversationId, actor.userId, id)
    if (message.deletedAt || !message.editedAt) return []
    // The log first: what it forgets meanwhile, the archive has.
    const recent = await log.edits(conversationId, entry.seq)
    const archived = await archive.edits(conversationId, entry.seq)
    const texts = new Map(archived.map(({ stamp, content }) => [stamp, content]))
    for (const change of recent) {
      const { edit } = stateAfter(change)
      if (edit) texts.set(change.stamp, edit.content)
    }
    const versions = [...texts].sort(([a], [b]) => a - b)
    const all: [number, string][] = [[entry.stamp, bodyOf(entry.payload).content], ...versions]
    return all.slice(-EDITS_MAX, -1).map(([stamp, content]) => ({ content, editedAt: timeOf(stamp) }))
  }

  /** Replies in a thread, by its root's id. @throws DomainError not_found, dependency_unavailable. */
  async thread(
    actor: Actor,
    conversationId: ConversationId,
    rootId: MessageId,
    query: { before?: Seq | undefined; after?: Seq | undefined; limit: number },
  ): Promise<MessagePage> {
    const { history, log, archive } = this.#deps
    const { entry, window } = await history.one(conversationId, actor.userId, rootId)
    const anchor = query.after === undefined ? 'before' : 'after'
    const seq = query.after ?? query.before ?? window.seq + 1
    // One more tells whether there is another page.
    const range = { rootSeq: entry.seq, anchor, seq, limit: query.limit + 1 } as const
    const recent = await log.replies(conversationId, range)
    const archived = await archive.replies(conversationId, range)
    const seqs = [...new Set([...recent, ...archived])].sort((a, b) => a - b)
    const isCut = seqs.length > query.limit
    const page = anchor === 'after' ? seqs.slice(0, query.limit) : seqs.slice(-query.limit)
    const items = await history.some(conversationId, actor.userId, page)
    return anchor === 'after'
      ? { items, hasBefore: seq > entry.seq, hasAfter: isCut }
      : { items, hasBefore: isCut, hasAfter: query.before !== undefined }
  }

  /** Latest pin first. @throws DomainError not_found, dependency_unavailable. */
  async pins(actor: Actor, conversationId: ConversationId): Promise<Message[]> {
    const { history, log } = this.#deps
    await history.standpoint(conversationId, actor.userId)
    const seqs = await log.pins(conversationId)
    const messages = await history.some(conversationId, actor.userId, seqs)
    const places = new Map(seqs.map((seq, index) => [seq, index]))
    return messages.sort((a, b) => (places.get(a.seq) ?? 0) - (places.get(b.seq) ?? 0))
  }
}
