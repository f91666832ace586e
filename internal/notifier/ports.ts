import type { ChatEvent } from '../domain/event.ts'
import type { ConversationId, Seq, SessionId, UserId } from '../domain/ids.ts'
import type { DeviceId, DeviceSettings, Platform } from '../domain/push.ts'
import type { OutboxEntry } from '../service/notification/ports.ts'

/** Whom a task concerns: members in order of id past a cursor, some users, or some devices. */
export type Scope =
  | { kind: 'members'; after: UserId | null }
  | { kind: 'users'; userIds: UserId[] }
  | { kind: 'devices'; deviceIds: DeviceId[] }

/** One event to notify about. The first of an event has attempt 0 and all its members as scope. */
export interface NotifyTask {
  event: ChatEvent
  /** Sends that have failed before; the fence of a retry. */
  attempt: number
  /** The wait for somebody online to read it is over. */
  graceOver: boolean
  scope: Scope
}

/** The waits that a queue offers, in ms: the grace period (10 s) and the rungs of the retry ladder. */
export const DELAYS_MS = [0, 5_000, 10_000, 30_000, 120_000, 600_000, 3_600_000] as const
export type DelayMs = (typeof DELAYS_MS)[number]

/** What becomes of a task when it is settled: nothing more, or any number of these. */
export type FollowUp =
  | { kind: 'again'; task: NotifyTask; delayMs: DelayMs }
  | { kind: 'dead'; task: NotifyTask; reason: string }

/** Does the work of some tasks and says what is left of it. */
export type TaskHandler = (tasks: NotifyTask[], signal: AbortSignal) => Promise<FollowUp[]>

export interface EventConsumer {
  /**
   * Hands out up to 64 tasks at a time, and few such batches at once (bounded prefetch). A batch is settled
   * when its follow-ups are stored durably; until then a crash, a lost connection or a rejected handler
   * brings it back, each task then by itself, so that one that cannot be handled does not hold others. What
   * came back too often goes to the dead letters.
   *
   * Reconnects by itself with back-off. On abort takes nothing new, waits for the handlers (whose signal
   * aborts as well), and returns to the queue what they rejected.
   */
  consume(handler: TaskHandler, signal: AbortSignal, ready: () => void): Promise<void>
}

export interface PresenceReader {
  /** Those of the users who have a live socket. @throws DomainError dependency_unavailable. */
  isOnline(userIds: readonly UserId[]): Promise<Set<UserId>>
}

/** A member as far as notifying goes. */
export interface Recipient {
  userId: UserId
  status: 'active' | 'suspended' | 'deleted'
  joinedSeq: Seq
  readSeq: Seq
  /** Milliseconds since 1970, null when not muted. */
  mutedUntilMs: number | null
  notify: 'all' | 'mentions' | 'none'
}

export interface RecipientQuery {
  conversationId: ConversationId
  scope: { kind: 'members'; after: UserId | null } | { kind: 'users'; userIds: readonly UserId[] }
}

/** How a conversation and the one who wrote are called. */
export interface Names {
  kind: 'direct' | 'group'
  conversation: string | null
  sender: string
}

/** Reads only; throws DomainError `dependency_unavailable` when the store cannot be asked. */
export interface RecipientReader {
  /**
   * Present members in order of id, at most `limit` for each query; results in the order of the queries.
   * Departed users are absent.
   */
  recipients(queries: readonly RecipientQuery[], limit: number): Promise<Recipient[][]>
  /** Names for pairs of conversation and sender, in that order; null where either is gone. */
  names(pairs: readonly { conversationId: ConversationId; senderId: UserId }[]): Promise<(Names | null)[]>
  /** Unread messages over all conversations of each user. */
  unread(userIds: readonly UserId[]): Promise<Map<UserId, number>>
}

export interface Device extends DeviceSettings {
  id: DeviceId
  userId: UserId
  sessionId: SessionId | null
  deviceName: string | null
  platform: Platform
  token: string
  /** Milliseconds since 1970; tells a refreshed registration from the one that was used. */
  updatedAtMs: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; every method may be repeated. */
export interface DeviceReader {
  /** Those whose session lives, in order of user and id, and so for `byIds`. */
  ofUsers(userIds: readonly UserId[]): Promise<Device[]>
  byIds(deviceIds: readonly DeviceId[]): Promise<Device[]>
  /** Deletes those that were not registered anew since they were read. */
  forget(devices: readonly Device[]): Promise<void>
}

/** One push to one device: the unit of delivering once. */
export interface Claim {
  /** The event's day in UTC, `YYYY-MM-DD`: with event and device it names the claim. */
  day: string
  eventId: string
  deviceId: DeviceId
  userId: UserId
  conversationId: ConversationId
  seq: Seq
  attempt: number
}

/**
 * - `claimed`: ours to send; `repeated` when an earlier outcome is unknown.
 * - `busy`: claimed a moment ago by somebody who may be sending: ask again later.
 * - `pending`: this attempt failed and its retry may not have been queued: queue it (again).
 * - `unknown`: claimed twice without any outcome recorded: not to be sent again.
 * - `settled`: done, or overtaken by a later attempt.
 */
export type ClaimResult =
  | { kind: 'claimed'; repeated: boolean }
  | { kind: 'busy' | 'pending' | 'unknown' | 'settled' }

export type ClaimState = 'sent' | 'retry' | 'gone' | 'dropped' | 'dead'

export interface Settlement {
  claim: Claim
  state: ClaimState
  /** Why, in a word or two; an FCM error code for example. */
  reason: string | null
  /** The outcome is not known: the one repetition that is allowed comes next. */
  unknown: boolean
}

/** Throws DomainError `dependency_unavailable`: a claim may then be taken, as one whose outcome is unknown. */
export interface ClaimStore {
  /**
   * Takes claims (at most 500) in one atomic step; results in the same order. A claim without an outcome can
   * be taken once more when it is older than `leaseMs`.
   */
  claim(claims: readonly Claim[], leaseMs: number): Promise<ClaimResult[]>
  /** Records outcomes of claims taken; ignores those that a later attempt has overtaken. Safe to repeat. */
  settle(settlements: readonly Settlement[]): Promise<void>
  /** Deletes up to `limit` claims of days before that of the given time; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>
}

/** What a device shows. */
export interface PushMessage {
  device: Device
  title: string
  body: string
  /** Unread total for the app icon; null when not known. */
  badge: number | null
  /** Notifications with the same key replace each other. */
  collapseKey: string
  /** Path within the web client, which apps resolve by themselves. */
  link: string
  data: Record<string, string>
}

/**
 * - `retry`: certainly not delivered; again after `afterMs` at the earliest (null: no wish).
 * - `unknown`: no answer; may have been delivered.
 * - `gone`: the token is no longer registered.
 * - `dropped`: will never be accepted.
 */
export type SendOutcome =
  | { kind: 'sent' }
  | { kind: 'retry'; reason: string; afterMs: number | null }
  | { kind: 'unknown' | 'gone' | 'dropped'; reason: string }

export interface PushSender {
  /** Sends at most 500 messages; one outcome for each, in order. Never rejects for one message's sake. */
  send(messages: readonly PushMessage[]): Promise<SendOutcome[]>
}

export interface OutboxWriter {
  /** Adds entries, and forgets all but the `keep` newest. @throws DomainError dependency_unavailable. */
  add(entries: readonly Omit<OutboxEntry, 'id'>[], keep: number): Promise<void>
}
