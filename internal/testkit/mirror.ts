import { z } from 'zod'

const reaction = z.object({ emoji: z.string(), count: z.int(), userIds: z.array(z.string()) })
const quote = z.object({ id: z.string(), seq: z.int(), senderId: z.string(), excerpt: z.string() })

/** What two ways of reading must agree on. */
export const mirrored = z.object({
  id: z.string(),
  seq: z.int(),
  senderId: z.string(),
  type: z.string(),
  content: z.string(),
  replyTo: quote.nullable(),
  threadRootId: z.string().nullable(),
  threadCount: z.int(),
  mentions: z.object({ userIds: z.array(z.string()), all: z.boolean() }),
  reactions: z.array(reaction),
  pinned: z.boolean(),
  editedAt: z.string().nullable(),
  deletedAt: z.string().nullable(),
})
export type Mirrored = z.infer<typeof mirrored>

const change = z.object({ rev: z.int(), seq: z.int(), message: mirrored.nullable() })

export const caughtUp = z.object({
  messages: z.array(mirrored),
  changes: z.array(change),
  seq: z.int(),
  rev: z.int(),
  epoch: z.string(),
  more: z.boolean(),
  reset: z.boolean().optional(),
  hidden: z.array(z.int()).optional(),
})

const about = z.object({ seq: z.int(), rev: z.int() })
const deleted = about.extend({ deletedAt: z.string(), scope: z.literal('me').optional() })
const reacted = about.extend({ emoji: z.string(), userId: z.string(), count: z.int() })

const EXCERPT_MAX = 140

/** A conversation as a client keeps it: from joins, sync and live events, by the rules of docs/protocol.md. */
export class Mirror {
  readonly messages = new Map<number, Mirrored>()
  /** Null until joined once. */
  cursor: { seq: number; rev: number; epoch: string } | null = null

  catchUp(answer: z.infer<typeof caughtUp>): void {
    const { messages, changes, seq, rev, epoch, reset, hidden } = answer
    if (reset) this.messages.clear()
    for (const message of messages) this.#put(message)
    for (const { seq: changed, message } of changes) {
      if (message) this.#put(message)
      else this.messages.delete(changed)
    }
    for (const one of hidden ?? []) this.messages.delete(one)
    this.cursor = { seq, rev, epoch }
  }

  /** One event of the conversation's topic. */
  live(event: string, payload: unknown): void {
    switch (event) {
      case 'message:new':
        this.#created(mirrored.parse(payload))
        break
      case 'message:edited': {
        const message = mirrored.parse(payload)
        // One that it does not have was hidden, or was said before it came.
        if (this.messages.has(message.seq)) this.#put(message)
        this.#moveRev(z.object({ rev: z.int() }).parse(payload).rev)
        break
      }
      case 'message:deleted':
        this.#deleted(deleted.parse(payload))
        break
      case 'message:reaction:added':
      case 'message:reaction:removed':
        this.#reacted(reacted.parse(payload), event === 'message:reaction:added')
        break
      case 'message:pinned':
      case 'message:unpinned': {
        const { seq, rev } = about.parse(payload)
        const message = this.messages.get(seq)
        if (message) message.pinned = event === 'message:pinned'
        this.#moveRev(rev)
      }
    }
  }

  /** In order, as a page shows them. */
  all(): Mirrored[] {
    return [...this.messages.values()].sort((a, b) => a.seq - b.seq)
  }

  #created(message: Mirrored): void {
    this.#put(message)
    if (this.cursor) this.cursor.seq = Math.max(this.cursor.seq, message.seq)
  }

  #put(message: Mirrored): void {
    const known = this.messages.get(message.seq)?.threadCount ?? 0
    this.messages.set(message.seq, { ...message, threadCount: Math.max(message.threadCount, known) })
    this.#requote(message)
    if (message.threadRootId) this.#recount(message.threadRootId)
    this.#recount(message.id)
  }

  /** The greater of what one was told and the replies one has: either may be ahead of the other. */
  #recount(rootId: string): void {
    const all = [...this.messages.values()]
    const root = all.find(({ id }) => id === rootId)
    if (!root) return
    const replies = all.filter(({ threadRootId }) => threadRootId === rootId).length
    root.threadCount = Math.max(root.threadCount, replies)
  }

  #requote({ seq, content }: Pick<Mirrored, 'seq' | 'content'>): void {
    for (const { replyTo } of this.messages.values()) {
      if (replyTo?.seq === seq) replyTo.excerpt = [...content].slice(0, EXCERPT_MAX).join('')
    }
  }

  #deleted({ seq, rev, deletedAt, scope }: z.infer<typeof deleted>): void {
    if (scope === 'me') {
      this.messages.delete(seq)
      return
    }
    const message = this.messages.get(seq)
    if (message) {
      const mentions = { userIds: [], all: false }
      const erased = { content: '', replyTo: null, reactions: [], pinned: false, editedAt: null, mentions }
      Object.assign(message, erased, { deletedAt })
      this.#requote(message)
    }
    this.#moveRev(rev)
  }

  #reacted({ seq, rev, emoji, userId, count }: z.infer<typeof reacted>, added: boolean): void {
    const message = this.messages.get(seq)
    if (message) {
      const before = message.reactions.find((one) => one.emoji === emoji) ?? { emoji, count: 0, userIds: [] }
      const others = before.userIds.filter((id) => id !== userId)
      const next = { emoji, count, userIds: added ? [...others, userId] : others }
      if (count === 0) message.reactions = message.reactions.filter((one) => one !== before)
      else if (before.count === 0) message.reactions.push(next)
      else message.reactions = message.reactions.map((one) => (one === before ? next : one))
    }
    this.#moveRev(rev)
  }

  #moveRev(rev: number): void {
    if (this.cursor) this.cursor.rev = Math.max(this.cursor.rev, rev)
  }
}
