import type { ChatEvent } from '../../domain/event.ts'
import type { ConversationId, MessageId, Seq, SessionId, UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import type { NotificationSettings } from '../../domain/notification.ts'
import type { DeviceId, DeviceSettings, Platform, PushToken } from '../../domain/push.ts'
import type { Actor } from '../../domain/user.ts'

/** Throws DomainError `dependency_unavailable` when the store cannot be asked. */
export interface SettingsStore {
  /** The defaults for who never changed them. */
  find(userId: UserId): Promise<NotificationSettings>
  /** Changes what is given, atomically, and answers all of it. Safe to repeat. */
  change(userId: UserId, change: Partial<NotificationSettings>, at: Date): Promise<NotificationSettings>
}

export interface PushRegistration {
  id: DeviceId
  userId: UserId
  /** Pushes end with this session. */
  sessionId: SessionId
  platform: Platform
  deviceName: string | null
  token: string
  /** Milliseconds since 1970. */
  nowMs: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; every method may be repeated. */
export interface PushTokenStore {
  /**
   * Registers or refreshes a token, which belongs to the user who registered it last: one that moves from
   * another account gets the new id, so that nothing meant for the other reaches it. Beyond `keep` of a user
   * the longest unrefreshed go. Repeating it is harmless.
   */
  register(registration: PushRegistration, keep: number): Promise<PushToken>
  /** A user's tokens, the last refreshed first. */
  list(userId: UserId): Promise<PushToken[]>
  /** Null when the user has no such token. */
  change(userId: UserId, id: DeviceId, settings: Partial<DeviceSettings>): Promise<PushToken | null>
  /** False when it is another's; what is not there is as good as removed. */
  remove(userId: UserId, id: DeviceId): Promise<boolean>
}

/** What would have been sent if a channel were configured. */
export interface OutboxEntry {
  id: number
  channel: 'push' | 'email' | 'sms'
  userId: UserId
  /** The address; of a push token the end only. */
  recipient: string
  title: string
  body: string
  payload: unknown
  createdAt: string
}

export interface OutboxReader {
  /** Newest first. @throws DomainError dependency_unavailable. */
  newest(limit: number): Promise<OutboxEntry[]>
}

/** One decision as it was kept. */
export interface DecisionRow {
  /** Rises with what was decided later about the same event. */
  pass: number
  at: string
  channel: 'push' | 'email'
  /** Null for all of the user's devices, and for mail. */
  device: DeviceId | null
  outcome: 'push' | 'wait' | 'none' | 'digest' | 'sent'
  reason: string
}

/** What became of one push to one device. */
export interface AttemptRow {
  device: DeviceId
  state: 'claimed' | 'sent' | 'retry' | 'gone' | 'dropped' | 'dead'
  /** From 0. */
  attempt: number
  reason: string | null
  at: string
}

export interface DeviceRow {
  id: DeviceId
  platform: Platform
  deviceName: string | null
}

/** How it stands with one recipient, as far as the sender is told. */
export type RecipientOutcome = 'sent' | 'pending' | 'none'

/** A trace as operators see it: one pass of one event, a page of its recipients. */
export interface TraceRow {
  at: string
  eventId: string
  kind: string
  pass: number
  conversationId: ConversationId | null
  seq: Seq | null
  decisions: (Omit<DecisionRow, 'pass' | 'at'> & { userId: UserId })[]
  attempts: (AttemptRow & { userId: UserId })[]
}

/** Where a page of traces ends. */
export interface TracePlace {
  at: string
  eventId: string
  pass: number
}

export interface TraceQuery {
  userId: UserId | null
  message: { conversationId: ConversationId; seq: Seq } | null
  /** Rows older than this place. */
  before: TracePlace | null
  limit: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked. */
export interface TraceReader {
  /** What was decided and done about one message for one user. */
  ofRecipient(
    message: { conversationId: ConversationId; seq: Seq },
    userId: UserId,
  ): Promise<{ decisions: DecisionRow[]; attempts: AttemptRow[]; devices: DeviceRow[] }>
  /** Everybody the message may have concerned, in order of id, and how it stands. */
  recipients(message: {
    conversationId: ConversationId
    seq: Seq
  }): Promise<{ userId: UserId; outcome: RecipientOutcome }[]>
  /** Newest first. */
  list(query: TraceQuery): Promise<TraceRow[]>
}

export interface MessageFinder {
  /** @throws DomainError not_found when there is none that the actor may see. */
  get(actor: Actor, conversationId: ConversationId, messageId: MessageId): Promise<Message>
}

/** A notification that was given up, without what it says. */
export interface DeadLetterItem {
  id: string
  diedAt: string
  reason: string
  /** Null, as what follows, when it could not be read. */
  kind: string | null
  eventId: string | null
  conversationId: ConversationId | null
  seq: Seq | null
  attempts: number
  /** Users or devices it still concerns; null when it is about all members. */
  recipients: number | null
}

export interface DeadLetterPlace {
  diedAt: string
  id: string
}

/** Throws DomainError `dependency_unavailable`; every method may be repeated. */
export interface DeadLetterArchive {
  /** Newest first. */
  list(limit: number, before: DeadLetterPlace | null): Promise<DeadLetterItem[]>
  /** Tasks as they were queued, in order of id after the given one; those that could not be read are absent. */
  tasks(
    ids: readonly string[] | null,
    after: string | null,
    limit: number,
  ): Promise<{ id: string; task: unknown }[]>
  has(id: string): Promise<boolean>
  /** How many of them there were. */
  remove(ids: readonly string[]): Promise<number>
}

export interface RetryQueue {
  /**
   * Queues tasks again as the first attempts of a new round; resolves once they are stored durably.
   * @throws DomainError dependency_unavailable; some may have been queued then.
   */
  retry(tasks: readonly unknown[]): Promise<void>
}

/** Throws DomainError `dependency_unavailable`; every method may be repeated. */
export interface ShownStore {
  /** Those of the members who may be shown a notification of something that they have read by now. */
  readUpTo(
    moves: readonly { conversationId: ConversationId; userId: UserId; readSeq: Seq }[],
  ): Promise<{ conversationId: ConversationId; userId: UserId; seq: Seq }[]>
  /** Nothing is shown any more, unless something newer is by now. */
  forget(shown: readonly { conversationId: ConversationId; userId: UserId; seq: Seq }[]): Promise<void>
}

/** Where events go that are not the log's. */
export interface EventSink {
  /** Resolves once they are stored durably. @throws DomainError dependency_unavailable. */
  publish(events: readonly ChatEvent[]): Promise<void>
}

export interface UnsubscribeDirectory {
  /** Whose mails a token of an unsubscribe link ends; null for nobody's. @throws DomainError dependency_unavailable. */
  ownerOf(token: string): Promise<UserId | null>
}
