import { createHash } from 'node:crypto'
import type { Conversation, ConversationKind, Member } from '../../domain/conversation.ts'
import { DomainError, invalid, notFound } from '../../domain/errors.ts'
import type { ClientId, ConversationId, UserId } from '../../domain/ids.ts'
import { isExpired } from '../../domain/log-entry.ts'
import type { Actor, User } from '../../domain/user.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import type { LiveEvents } from '../live/ports.ts'
import type { RelayWaker } from '../message/ports.ts'
import { cutPage, type Page } from '../page.ts'
import { membersOf } from './change.ts'
import type {
  ActivityCursor,
  ConversationRepository,
  ConversationView,
  MemberCursor,
  MembersAmong,
  Membership,
  UserDirectory,
} from './ports.ts'

export interface CreateInput {
  kind: ConversationKind
  memberIds: UserId[]
  name: string | null
  description: string | null
  clientId: ClientId | null
}

export interface ConversationsDeps {
  repository: ConversationRepository
  users: UserDirectory
  live: LiveEvents
  relay: RelayWaker
  newId(): ConversationId
  now(): number
}

export class Conversations {
  readonly #deps: ConversationsDeps

  constructor(deps: ConversationsDeps) {
    this.#deps = deps
  }

  /**
   * Opens a conversation. A direct one exists once per pair, and a group once per clientId: asking again
   * answers it with `created: false`.
   * @throws DomainError validation_failed, not_found (a member), blocked, idempotency_mismatch
   */
  async create(actor: Actor, input: CreateInput): Promise<{ conversation: Conversation; created: boolean }> {
    const others = [...new Set(input.memberIds)].filter((id) => id !== actor.userId)
    checkShape(input, others.length)
    const created = await this.#deps.repository.create({
      id: this.#deps.newId(),
      kind: input.kind,
      name: input.name,
      description: input.description,
      createdBy: actor.userId,
      memberIds: [actor.userId, ...others],
      clientId: input.kind === 'group' ? input.clientId : null,
      requestHash: input.kind === 'group' && input.clientId ? hashOf(input, others) : null,
      nowMs: this.#deps.now(),
    })
    if (!('id' in created)) {
      if (created.outcome === 'no-such-user') throw notFound('user')
      if (created.outcome === 'blocked') throw new DomainError('blocked', 'You cannot write to this user.')
      throw new DomainError('idempotency_mismatch', 'This clientId was used for another conversation.')
    }
    const conversation = await this.get(actor, created.id)
    if (created.outcome === 'existing') return { conversation, created: false }
    this.#deps.live.conversationCreated(created.id, [actor.userId, ...others])
    this.#deps.relay.wake(created.id)
    return { conversation, created: true }
  }

  /** @throws DomainError not_found for those who are not members. */
  async get(actor: Actor, id: ConversationId): Promise<Conversation> {
    const view = await this.#deps.repository.find(id, actor.userId)
    if (!view) throw notFound('conversation')
    const [conversation] = await this.#present([view], actor)
    if (!conversation) throw notFound('conversation')
    return conversation
  }

  /** The conversation as each of these, at most 500, sees it; those who are members. For delivery to them. */
  async viewsFor(id: ConversationId, userIds: readonly UserId[]): Promise<Map<UserId, Conversation>> {
    const views = await this.#deps.repository.viewsFor(id, userIds)
    const viewers = [...views.keys()]
    const presented = await this.#present([...views.values()])
    return new Map(
      presented.flatMap((conversation, index) => {
        const viewer = viewers[index]
        return viewer ? [[viewer, conversation] as const] : []
      }),
    )
  }

  /** Who of these, at most 500, are members now; null when there is no such conversation. */
  membersAmong(id: ConversationId, userIds: readonly UserId[]): Promise<MembersAmong | null> {
    return this.#deps.repository.membersAmong(id, userIds)
  }

  /** Last active first. @throws DomainError validation_failed for a cursor that is not one. */
  async list(actor: Actor, limit: number, cursor: string | null): Promise<Page<Conversation>> {
    const after = decodeCursor<ActivityCursor>(cursor, { stamp: 'number', id: 'uuid' })
    const { items, next } = await this.#deps.repository.list(actor.userId, limit, after)
    return { items: await this.#present(items, actor), nextCursor: next && encodeCursor(next) }
  }

  /** What a live stream of the user's follows: conversations with their last numbers, at most 5,000. */
  memberships(actor: Actor): Promise<Membership[]> {
    return this.#deps.repository.memberships(actor.userId)
  }

  /** In the order they joined. @throws DomainError not_found for those who are not members. */
  async members(
    actor: Actor,
    id: ConversationId,
    limit: number,
    cursor: string | null,
  ): Promise<Page<Member>> {
    const after = decodeCursor<MemberCursor>(cursor, { joinedAt: 'time', userId: 'uuid' })
    const views = await this.#deps.repository.members(id, actor.userId, limit + 1, after)
    if (!views) throw notFound('conversation')
    const page = cutPage(views, limit, ({ joinedAt, userId }) => encodeCursor({ joinedAt, userId }))
    const users = await this.#deps.users.byIds(page.items.map((view) => view.userId))
    return { items: membersOf(page.items, users), nextCursor: page.nextCursor }
  }

  /** To whoever may not read messages the last one is none. */
  async #present(views: ConversationView[], actor?: Actor): Promise<Conversation[]> {
    const isReader = actor?.scopes.has('messages:read') ?? true
    const peerIds = views.flatMap((view) => view.peerId ?? [])
    const users: ReadonlyMap<UserId, User> =
      peerIds.length > 0 ? await this.#deps.users.byIds([...new Set(peerIds)]) : new Map()
    const now = this.#deps.now()
    return views.map(({ peerId, lastMessage, ...rest }) => ({
      ...rest,
      lastMessage: isReader && lastMessage && !isExpired(lastMessage, now) ? lastMessage : null,
      peer: (peerId && users.get(peerId)) || null,
    }))
  }
}

function checkShape({ kind, name, description }: CreateInput, others: number): void {
  if (kind === 'group') return
  if (others !== 1) throw invalid('memberIds', 'a direct conversation is with exactly one other user')
  if (name !== null) throw invalid('name', 'a direct conversation has no name')
  if (description !== null) throw invalid('description', 'a direct conversation has no description')
}

function hashOf({ name, description }: CreateInput, others: UserId[]): Buffer {
  const text = JSON.stringify([name, description, others.toSorted()])
  return createHash('sha256').update(text).digest().subarray(0, 16)
}
