import type { AppliedChange } from '../../domain/change.ts'
import type { Member } from '../../domain/conversation.ts'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { HiddenMessage, Message } from '../../domain/message.ts'
import type { NotificationSettings } from '../../domain/notification.ts'

/** Who came, went or changed in one transaction; `memberVersion` is the conversation's after it. */
export interface MembersChanged {
  conversationId: ConversationId
  memberVersion: number
  joined: readonly Member[]
  /** As they were; their channels are closed and nothing later reaches them. */
  left: readonly { member: Member; reason: RemovalReason }[]
  /** Another role. */
  updated: readonly Member[]
}

export type RemovalReason = 'left' | 'removed' | 'deleted'

export interface ReceiptMoved {
  conversationId: ConversationId
  /** Of the conversation when the user was seen to be a member. */
  memberVersion: number
  userId: UserId
  deliveredSeq: Seq
  readSeq: Seq
  /** RFC 3339 UTC with milliseconds. */
  at: string
}

/**
 * Live delivery to the sockets of all nodes. Hints only: whatever is lost here is healed from the log, so
 * that nothing waits for it and nothing fails by it. `originConnection` gets the reply and not the broadcast.
 */
export interface LiveEvents {
  messageCreated(message: Message, memberVersion: number, originConnection: string | null): void
  messageChanged(change: AppliedChange, memberVersion: number, originConnection: string | null): void
  /** To the user's own sockets: they deleted the message for themselves. */
  messageHidden(hidden: HiddenMessage, originConnection: string | null): void
  conversationCreated(conversationId: ConversationId, memberIds: readonly UserId[]): void
  membersChanged(change: MembersChanged): void
  /** Name, policies and the like: every member is shown the conversation anew. */
  conversationUpdated(conversationId: ConversationId, memberVersion: number): void
  /** The conversation is no more; every member's channels of it are closed. */
  conversationDeleted(conversationId: ConversationId, memberVersion: number): void
  /** The user's own preferences of it changed: their sockets are shown it anew. */
  preferencesChanged(userId: UserId, conversationId: ConversationId): void
  /** To members where there are at most 100 (coalesced), and to the user's other devices as `inbox:read`. */
  receiptMoved(receipt: ReceiptMoved, toMembers: boolean, originConnection: string | null): void
  /** Somebody blocked the user, or did so no longer: whom they see online is shown anew. */
  blocksChanged(userId: UserId): void
  /** To the user's own sockets. */
  settingsUpdated(userId: UserId, settings: object): void
}

/** A point in the store's history: whatever commits later has changed since then. */
export type StoreMark = number

/** A member's own place and preferences in a conversation, some of which changed. */
export interface OwnChanged {
  conversationId: ConversationId
  userId: UserId
  readSeq: Seq
  hasNewPlace: boolean
  hasNewPreferences: boolean
}

/**
 * What users are told without a number, as it is stored: read where the bus may have lost some. Answers what changed
 * since the mark and a little that did not; not the places that members have by joining or by their own messages, which
 * tell it by themselves. All throw DomainError dependency_unavailable.
 */
export interface LiveStates {
  mark(): Promise<StoreMark>
  /** Of at most 500 conversations those with at most 100 members; `at` is now. */
  receiptsSince(ids: readonly ConversationId[], mark: StoreMark): Promise<ReceiptMoved[]>
  /** Of at most 200 users. */
  ownSince(userIds: readonly UserId[], mark: StoreMark): Promise<OwnChanged[]>
  /** Of at most 200 users those whom somebody blocked. */
  blockedSince(userIds: readonly UserId[], mark: StoreMark): Promise<UserId[]>
  /** Of at most 200 users. */
  settingsSince(
    userIds: readonly UserId[],
    mark: StoreMark,
  ): Promise<{ userId: UserId; settings: NotificationSettings }[]>
}
