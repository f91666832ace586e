import { DomainError, notFound } from '../../domain/errors.ts'
import type { ConversationId, MessageId, Seq, UserId } from '../../domain/ids.ts'
import type { Actor, User } from '../../domain/user.ts'
import type { History } from '../message/history.ts'
import type { Places } from './places.ts'
import type { PointerCommits } from './pointers.ts'
import type { PointerMove, Pointers, ReceiptHistory, RecipientReader } from './ports.ts'

export interface ReceiptsDeps {
  commits: PointerCommits
  places: Places
  history: ReceiptHistory
  recipients: RecipientReader
  messages: History
  users: { byIds(ids: readonly UserId[]): Promise<Map<UserId, User>> }
}

/** What one member has of a message; a time is null where it is not so, or not known when. */
export interface Receipt {
  user: User
  state: 'sent' | 'delivered' | 'read'
  deliveredAt: string | null
  readAt: string | null
}

export interface MessageReceipts {
  /** Empty above 100 members. */
  items: Receipt[]
  nextCursor: null
  /** Members whom it was sent to. */
  memberCount: number
  /** Null above 100 members. */
  deliveredCount: number | null
  readCount: number
}

/** A place in a conversation, by its seq or by a message. */
export type ReceiptPlace = { seq: Seq } | { messageId: MessageId }

/** Up to where members have and have read a conversation; the service behind both doors. */
export class Receipts {
  readonly #deps: ReceiptsDeps

  constructor(deps: ReceiptsDeps) {
    this.#deps = deps
  }

  /**
   * The actor has read up to here, and has everything up to here. Pointers never move back; past the end means the
   * end. Answers what is stored.
   * @throws DomainError not_found (for those who are not members; the message), overloaded, dependency_unavailable
   */
  async read(
    actor: Actor,
    conversationId: ConversationId,
    place: ReceiptPlace,
    origin: string | null = null,
  ): Promise<Pointers> {
    const seq = await this.#seqAt(actor, conversationId, place)
    const move = { conversationId, userId: actor.userId, deliveredSeq: seq, readSeq: seq, ordinal: null }
    const outcome = await this.#deps.commits.move(move, origin)
    if (outcome.status === 'stored') return outcome.pointers
    if (outcome.status === 'gone') throw notFound('conversation')
    const again = await this.#deps.commits.move({ ...move, ...(await this.#placed(move, outcome)) }, origin)
    if (again.status === 'stored') return again.pointers
    if (again.status === 'gone') throw notFound('conversation')
    throw changing()
  }

  /** Where a read goes whose message the log no longer has. */
  async #placed(
    { conversationId, readSeq }: PointerMove,
    { headSeq, firstSeq }: { headSeq: Seq; firstSeq: Seq },
  ): Promise<{ readSeq: Seq; ordinal: number | null }> {
    // What retention took is below the floor: whoever reads up to there, reads up to right below it.
    const place = await this.#deps.places.at(conversationId, Math.max(readSeq, firstSeq - 1), headSeq)
    if (place === 'end') return { readSeq: headSeq, ordinal: null }
    // Too much has disappeared to tell where this is: it moves with the next read.
    return place ? { readSeq: place.seq, ordinal: place.ordinal } : { readSeq: 0, ordinal: null }
  }

  /** The actor has everything up to here; in groups of up to 100 members. Else as `read`. */
  async delivered(
    actor: Actor,
    conversationId: ConversationId,
    place: ReceiptPlace,
    origin: string | null = null,
  ): Promise<Pointers> {
    const deliveredSeq = await this.#seqAt(actor, conversationId, place)
    const move = { conversationId, userId: actor.userId, deliveredSeq, readSeq: 0, ordinal: null }
    const outcome = await this.#deps.commits.move(move, origin)
    if (outcome.status === 'stored') return outcome.pointers
    if (outcome.status === 'gone') throw notFound('conversation')
    // Went with a read of the same flush whose place has to be looked up: that has its own caller.
    const again = await this.#deps.commits.move(move, origin)
    if (again.status === 'stored') return again.pointers
    if (again.status === 'gone') throw notFound('conversation')
    throw changing()
  }

  /** By an id only what is here: another conversation's would pass for a place in this one. */
  async #seqAt({ userId }: Actor, conversationId: ConversationId, place: ReceiptPlace): Promise<Seq> {
    return 'seq' in place ? place.seq : this.#deps.messages.placeOf(conversationId, userId, place.messageId)
  }

  /** Who has and has read a message, and since when. @throws DomainError not_found, dependency_unavailable. */
  async of(actor: Actor, conversationId: ConversationId, id: MessageId): Promise<MessageReceipts> {
    const { entry } = await this.#deps.messages.one(conversationId, actor.userId, id)
    const { seq, senderId } = entry
    const found = await this.#deps.recipients.recipients(conversationId, seq, senderId)
    const { count: memberCount, readCount, deliveredCount, members } = found
    const items = members ? await this.#dated(actor, conversationId, seq, members) : []
    return { items, nextCursor: null, memberCount, deliveredCount, readCount }
  }

  async #dated(
    actor: Actor,
    conversationId: ConversationId,
    seq: Seq,
    members: readonly (Pointers & { userId: UserId })[],
  ): Promise<Receipt[]> {
    const ids = members.filter(({ deliveredSeq }) => deliveredSeq >= seq).map(({ userId }) => userId)
    const [users, times] = await Promise.all([
      this.#deps.users.byIds(members.map(({ userId }) => userId)),
      ids.length > 0 ? this.#times(conversationId, seq, ids) : new Times(),
    ])
    const isDateless = members.some(({ userId, readSeq }) => readSeq >= seq && !times.read.has(userId))
    if (isDateless) await this.#dateByAnswers(actor, conversationId, seq, times)
    return members.flatMap(({ userId, deliveredSeq, readSeq }) => {
      const user = users.get(userId)
      if (!user) return []
      const state = readSeq >= seq ? 'read' : deliveredSeq >= seq ? 'delivered' : 'sent'
      return [{ user, state, ...times.of(userId, state) }]
    })
  }

  async #times(conversationId: ConversationId, seq: Seq, userIds: readonly UserId[]): Promise<Times> {
    const times = new Times()
    for (const { userId, kind, at } of await this.#deps.history.find(conversationId, seq, userIds)) {
      times[kind].set(userId, new Date(Math.floor(at / 1000)).toISOString())
    }
    return times
  }

  /** Sending reads up to one's own message, and is not written down besides: the message itself has the time. */
  async #dateByAnswers(actor: Actor, conversationId: ConversationId, seq: Seq, times: Times): Promise<void> {
    const range = { anchor: 'after', seq, limit: ANSWERS_MAX } as const
    const { messages } = await this.#deps.messages.readReachable(conversationId, actor.userId, range)
    for (const { senderId, createdAt } of messages) {
      if (!times.read.has(senderId)) times.read.set(senderId, createdAt)
    }
  }
}

/** Messages looked through for one by a member. */
const ANSWERS_MAX = 200

class Times {
  readonly delivered = new Map<UserId, string>()
  readonly read = new Map<UserId, string>()

  of(userId: UserId, state: Receipt['state']): Pick<Receipt, 'deliveredAt' | 'readAt'> {
    const readAt = state === 'read' ? (this.read.get(userId) ?? null) : null
    // One who has read it had it by then.
    const deliveredAt = state === 'sent' ? null : (this.delivered.get(userId) ?? readAt)
    return { deliveredAt, readAt }
  }
}

function changing(): DomainError {
  const message = 'The conversation changes too fast; try again.'
  return new DomainError('overloaded', message, { retryAfterMs: 100 })
}
