import type { Conversation, ConversationKind, Role } from '../../domain/conversation.ts'
import type { ClientId, ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { User } from '../../domain/user.ts'

export interface NewConversation {
  id: ConversationId
  kind: ConversationKind
  name: string | null
  description: string | null
  createdBy: UserId
  /** The creator first; for a direct conversation exactly the two. */
  memberIds: UserId[]
  clientId: ClientId | null
  /** Tells another request under the same clientId. */
  requestHash: Buffer | null
  nowMs: number
}

export type Created =
  | { outcome: 'created' | 'existing'; id: ConversationId }
  /** The clientId was used for another request; a member is no (active) user, or has blocked the creator. */
  | { outcome: 'mismatch' | 'no-such-user' | 'blocked' }

/** A conversation as stored, before users are filled in. */
export interface ConversationView extends Omit<Conversation, 'peer'> {
  peerId: UserId | null
}

export interface MemberView {
  userId: UserId
  role: Role
  joinedAt: string
  deliveredSeq: number
  readSeq: number
}

export interface MembersAmong {
  memberVersion: number
  userIds: Set<UserId>
}

/** Where a page ends; the next one starts behind it. */
export interface ActivityCursor {
  /** Microseconds since 1970 of the last activity. */
  stamp: number
  id: ConversationId
}

export interface MemberCursor {
  joinedAt: string
  userId: UserId
}

/** A conversation the user is in, with its last numbers. */
export interface Membership {
  id: ConversationId
  seq: Seq
  rev: Rev
  memberVersion: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked. */
export interface ConversationRepository {
  /**
   * One transaction: the conversation, its members, its log's head and, for a group, the first message. Repeating
   * it is safe for a pair, and for a group under its clientId; of parallel calls one answers `created`.
   */
  create(conversation: NewConversation): Promise<Created>
  /** Null when there is none or the viewer is not a member. */
  find(id: ConversationId, viewerId: UserId): Promise<ConversationView | null>
  /** One conversation as each of these (at most 500 are asked for) sees it; those who are members. */
  viewsFor(id: ConversationId, viewerIds: readonly UserId[]): Promise<Map<UserId, ConversationView>>
  /** Who of these (at most 500 are asked for) are members, at which version; null when there is none such. */
  membersAmong(id: ConversationId, userIds: readonly UserId[]): Promise<MembersAmong | null>
  /** The viewer's conversations, last active first; `next` is null when fewer than `limit` were found. */
  list(
    viewerId: UserId,
    limit: number,
    after: ActivityCursor | null,
  ): Promise<{ items: ConversationView[]; next: ActivityCursor | null }>
  /** Null when the viewer is not a member; ordered by joining, `limit` at most. */
  members(
    id: ConversationId,
    viewerId: UserId,
    limit: number,
    after: MemberCursor | null,
  ): Promise<MemberView[] | null>
  /** At most 5,000, last active first. */
  memberships(userId: UserId): Promise<Membership[]>
}

export interface UserDirectory {
  /** Those that exist, any number of ids. @throws DomainError dependency_unavailable. */
  byIds(ids: readonly UserId[]): Promise<Map<UserId, User>>
}
