import type { ChatEvent } from '../domain/event.ts'
import type { ConversationId, Rev, Seq, SessionId, UserId } from '../domain/ids.ts'
import type { NotificationSettings, NotifyLevel } from '../domain/notification.ts'
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

/** Attempts until a task is given up; when an operator has it sent again, the next as many begin. */
export const ATTEMPTS_PER_ROUND = 6

/** What becomes of a task when it is settled: nothing more, or any number of these. */
export type FollowUp =
  | { kind: 'again'; task: NotifyTask; delayMs: DelayMs }
  | { kind: 'dead'; task: NotifyTask; reason: string }

/** Does the work of some tasks and says what is left of it. */
export type TaskHandler = (tasks: NotifyTask[], signal: AbortSignal) => Promise<FollowUp[]>

export interface EventConsumer {
  /**
   * Hands out up to 500 tasks at a time, of as many messages as wait, and few such batches at once (bounded
   * prefetch). A batch is settled, each message by itself, when its follow-ups are stored durably; until then
   * a crash, a lost connection or a rejected handler brings it back, each task then by itself, so that one
   * that cannot be handled does not hold others. Retries are handed out by themselves, too. What came back
   * too often goes to the dead letters.
   *
   * Reconnects by itself with back-off. On abort takes nothing new, waits for the handlers (whose signal
   * aborts as well), and returns to the queue what they rejected.
   */
  consume(handler: TaskHandler, signal: AbortSignal, ready: () => void): Promise<void>
}

/** What was given up. */
export interface DeadLetter {
  /** Follows from its content: the same letter again has the same. */
  id: string
  diedAtMs: number
  reason: string
  /** Null when it could not be read; then `content` has it, in base64. */
  task: NotifyTask | null
  content: string | null
}

export interface DeadLetterSource {
  /**
   * Takes up to `limit` messages out of the queue of dead letters, once `keep` has resolved for what they
   * hold; else they stay. Returns how many.
   */
  takeDead(keep: (letters: DeadLetter[]) => Promise<void>, limit: number): Promise<number>
}

/** Throws DomainError `dependency_unavailable`; every method may be repeated. */
export interface DeadLetterStore {
  /** Letters that are there already stay as they are. */
  bury(letters: readonly DeadLetter[]): Promise<void>
  /** Deletes up to `limit` that died before the given time; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>
  count(): Promise<number>
}

export interface PresenceReader {
  /** Those of the users who have a live socket. @throws DomainError dependency_unavailable. */
  isOnline(userIds: readonly UserId[]): Promise<Set<UserId>>
}

/** A user in the event's conversation. */
export interface Membership {
  kind: 'direct' | 'group'
  joinedSeq: Seq
  readSeq: Seq
  /** Milliseconds since 1970, null when not muted. */
  mutedUntilMs: number | null
  notify: NotifyLevel
  /** They wrote in the thread that the message belongs to, or its root. */
  followsThread: boolean
}

/** Somebody an event may concern, with all that is stored about their wishes. */
export interface Recipient {
  userId: UserId
  status: 'active' | 'suspended' | 'deleted'
  /** They blocked whoever did it. */
  blocksActor: boolean
  /** They have an address that is known to be theirs. */
  hasEmail: boolean
  /** Has registered at least one device for pushes. */
  hasDevice: boolean
  settings: NotificationSettings
  /** Null when they left, or the event is of no conversation. */
  membership: Membership | null
}

/** What is known at the moment of deciding. */
export interface Circumstances {
  nowMs: number
  online: boolean
  /** The recipient has had the time to read it that somebody online gets. */
  graceOver: boolean
  /** The message was deleted for everyone since. */
  deleted: boolean
  /** The reaction was taken away, or another put in its place. */
  withdrawn: boolean
  /** There is something that mails. */
  mailing: boolean
}

export type PushReason =
  | 'message'
  | 'direct'
  | 'mentioned'
  | 'replied'
  | 'thread'
  | 'reaction'
  | 'added'
  | 'call_missed'
  | 'sign_in'
  | 'read_elsewhere'

export type NoReason = (typeof NO_REASONS)[number]
export const NO_REASONS = [
  'sender',
  'not_active',
  'not_member',
  'blocked',
  'joined_later',
  'system_message',
  'deleted',
  'withdrawn',
  'expired',
  'stale',
  'read',
  'muted',
  'notifications_off',
  'not_mentioned',
  'not_concerned',
  'reactions_off',
  'push_off',
  'quiet_hours',
  'online',
  'no_device',
  'device_off',
  'device_not_mentioned',
  'this_device',
  'not_silent',
  'email_unavailable',
  'email_off',
  'no_address',
] as const

export interface RecipientQuery {
  /** Null for users outside any conversation. */
  conversationId: ConversationId | null
  /** Who did it, so that whoever blocked them is known. */
  actorId: UserId | null
  /** The thread it belongs to, by its root. */
  rootSeq: Seq | null
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
   * Present members in order of id, at most `limit` for each query, or the users asked for, whether they are
   * members or not; results in the order of the queries.
   */
  recipients(queries: readonly RecipientQuery[], limit: number): Promise<Recipient[][]>
  /** Names for pairs of conversation and sender, in that order; null where either is gone. */
  names(pairs: readonly { conversationId: ConversationId; senderId: UserId }[]): Promise<(Names | null)[]>
  /** Unread messages over all conversations of each user. */
  unread(userIds: readonly UserId[]): Promise<Map<UserId, number>>
}

/** What an event is about, as far as the log may know more of it by now. */
export interface Happening {
  conversationId: ConversationId
  seq: Seq
  /** The conversation's when it happened; of a reaction its own. */
  rev: Rev
  /** Who reacted; null of a message. */
  reactorId: UserId | null
  /** `YYYY-MM-DD` in UTC. */
  day: string
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; every method may be repeated. */
export interface EventReader {
  /** What became of messages (deleted) and reactions (withdrawn) since, in their order. */
  since(happenings: readonly Happening[]): Promise<{ deleted: boolean; withdrawn: boolean }[]>
  /** Remembers who takes part in a thread: who wrote this reply, and its root's author. */
  followThreads(
    replies: readonly { conversationId: ConversationId; rootSeq: Seq; userId: UserId }[],
  ): Promise<void>
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
  conversationId: ConversationId | null
  seq: Seq | null
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
   * be taken once more when it is older than `leaseMs`, one that is dead by the next round of attempts.
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
  /** Null for one that shows nothing: it carries the badge, and takes back what was shown. */
  text: { title: string; body: string } | null
  /** Unread total for the app icon; null when not known. */
  badge: number | null
  /** Notifications with the same key replace each other, and are shown as one thread. */
  collapseKey: string
  /** Path within the web client, which apps resolve by themselves. */
  link: string
  /** How long it waits for a device that cannot be reached. */
  ttlMs: number
  /** It may wake the device. */
  urgent: boolean
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

/** What was decided for one user, in words that are kept. */
export interface TraceEntry {
  channel: 'push' | 'email'
  /** Null for all of the user's devices, and for mail. */
  device: DeviceId | null
  outcome: 'push' | 'wait' | 'none' | 'digest' | 'sent'
  reason: string
}

/** Later than every pass of pushing: no task is tried so often. */
export const DIGEST_PASS = 30_000

/** The decisions of one task. */
export interface TraceRecord {
  /** The event's day in UTC, `YYYY-MM-DD`. */
  day: string
  eventId: string
  /** 0 for the first, 1 after the grace, and on with each attempt; DIGEST_PASS for what became of mail. */
  pass: number
  kind: string
  conversationId: ConversationId | null
  seq: Seq | null
  atMs: number
  users: { userId: UserId; entries: TraceEntry[] }[]
}

/** Throws DomainError `dependency_unavailable`; every method may be repeated. */
export interface TraceWriter {
  /** Keeps decisions; of a pass done again the later ones count. */
  record(records: readonly TraceRecord[]): Promise<void>
  /** Deletes up to `limit` of days before that of the given time; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>
}

/** Something unread that is to be mailed unless it is read before it is due. */
export interface DigestEntry {
  userId: UserId
  conversationId: ConversationId
  seq: Seq
  /** The event's day in UTC, `YYYY-MM-DD`, and id, as its traces have them. */
  day: string
  eventId: string
  /** Milliseconds since 1970; of several entries of a user the first decides when one mail tells of all. */
  dueAtMs: number
}

export interface DigestStore {
  /** Remembers entries; the same user and message again changes nothing. @throws DomainError dependency_unavailable. */
  note(entries: readonly DigestEntry[]): Promise<void>
}

/** What users' devices may be showing. @throws DomainError dependency_unavailable; safe to repeat. */
export interface ShownWriter {
  note(shown: readonly { userId: UserId; conversationId: ConversationId; seq: Seq }[]): Promise<void>
  /** Forgets up to `limit` of before the given time; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>
}

/** Told of what happens, for metrics; never throws. */
export interface Observer {
  decided(decision: Pick<TraceEntry, 'channel' | 'outcome' | 'reason'>): void
  /** One attempt at one device; `sinceMs` from the event to the answer. */
  attempted(outcome: SendOutcome['kind'], sinceMs: number): void
}

export interface OutboxWriter {
  /** Adds entries, and forgets all but the `keep` newest. @throws DomainError dependency_unavailable. */
  add(entries: readonly Omit<OutboxEntry, 'id'>[], keep: number): Promise<void>
}
