import type {
  Conversation,
  ConversationKind,
  ConversationSettings,
  Preferences,
  Role,
} from '../../domain/conversation.ts'
import type { ClientId, ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type { SystemEvent } from '../../domain/message.ts'
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
  /** Of each the conversation's seq when they joined. */
  joinedSeqs: Map<UserId, Seq>
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
  /** Of these users, in no order; any number of them. */
  membersById(id: ConversationId, userIds: readonly UserId[]): Promise<MemberView[]>
  /** At most 5,000, last active first. */
  memberships(userId: UserId): Promise<Membership[]>
}

export interface UserDirectory {
  /** Those that exist, any number of ids. @throws DomainError dependency_unavailable. */
  byIds(ids: readonly UserId[]): Promise<Map<UserId, User>>
}

/** A change of a conversation that is to be decided: who asks for it, and who is concerned. */
export interface ChangeRequest {
  conversationId: ConversationId
  actorId: UserId
  /** Whom it is done to; at most 500. */
  userIds: readonly UserId[]
  /** By which the actor asks to come in. */
  inviteCode?: string
  nowMs: number
}

/** A conversation that nobody else changes meanwhile, as far as a decision about it needs. */
export interface LockedConversation extends ConversationSettings {
  kind: ConversationKind
  memberCount: number
  /** The actor and those concerned, as far as they are members. */
  members: ReadonlyMap<UserId, MemberView>
  /** Those concerned who are active users. */
  activeUsers: ReadonlySet<UserId>
  /** Those concerned who have blocked the actor. */
  blockers: ReadonlySet<UserId>
  /** The other one of a direct conversation has blocked the actor. */
  isBlocked: boolean
  invite: Omit<StoredInvite, 'createdBy'> | null
  /** The actor was a member until others removed them. */
  wasRemoved: boolean
}

/** What to change, and what the conversation is told of it. */
export type Decision =
  | { kind: 'join'; userIds: readonly UserId[]; usesInvite: boolean; says: SystemEvent }
  | { kind: 'leave'; userId: UserId; reason: 'left' | 'removed'; says: SystemEvent }
  | { kind: 'roles'; roles: readonly { userId: UserId; role: Role }[]; says: SystemEvent | null }
  | { kind: 'settings'; settings: ConversationSettings; says: SystemEvent }
  | { kind: 'delete' }

export interface Committed {
  kind: Decision['kind']
  /** The conversation's, after it. */
  memberVersion: number
  message: LogEntry | null
  joined: MemberView[]
  /** As they were. */
  left: MemberView[]
  /** Why they left. */
  reason: 'left' | 'removed' | null
  updated: MemberView[]
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked: what was asked may have happened. */
export interface ConversationChanges {
  /**
   * One transaction under the lock of the conversation's head: `decide`, which is pure, is shown the conversation
   * as it then is and says what to change, or null for nothing, or throws, and nothing is changed. Every change
   * raises the member version, so that what was authorised before is authorised again. Who joins sees what comes
   * after, first of all that they joined; who leaves sees nothing of it.
   * @returns null when nothing was changed; `gone` when there is no such conversation
   */
  change(
    request: ChangeRequest,
    decide: (locked: LockedConversation) => Decision | null,
  ): Promise<Committed | 'gone' | null>
}

export interface StoredInvite {
  code: string
  createdBy: UserId
  expiresAt: Date | null
  maxUses: number | null
  uses: number
}

export interface InvitePreview {
  conversationId: ConversationId
  invite: StoredInvite
  name: string | null
  description: string | null
  avatarUrl: string | null
  memberCount: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked. */
export interface InviteRepository {
  /** Newest first: all that still let somebody in, and the newest 100 that do not. */
  list(id: ConversationId): Promise<StoredInvite[]>
  /** `full` when there are that many that still let somebody in; `gone` when there is no such conversation. */
  create(
    id: ConversationId,
    invite: StoredInvite,
    liveMax: number,
    now: Date,
  ): Promise<'created' | 'full' | 'gone'>
  find(code: string): Promise<InvitePreview | null>
  /** Again is no error. */
  remove(id: ConversationId, code: string): Promise<void>
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; may be repeated. */
export interface PreferencesRepository {
  /** Sets what is given; null when the user is not a member. */
  set(id: ConversationId, userId: UserId, change: Partial<Preferences>): Promise<Preferences | null>
}
