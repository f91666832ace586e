import type { ClientId, ConversationId, UserId } from '../../domain/ids.ts'
import type { Scheduled } from '../../domain/scheduled.ts'
import type { SendInput } from '../message/messages.ts'

export interface NewScheduled {
  id: ClientId
  conversationId: ConversationId
  senderId: UserId
  input: SendInput
  sendAt: Date
  createdAt: Date
  /** 16 bytes; tells a repeat from another request under the same clientId. */
  requestHash: Buffer
}

/** What an earlier request under that clientId has made; `mismatch` when it asked for something else. */
export type Known = Scheduled | 'mismatch'

export interface ScheduledCursor {
  sendAt: string
  id: ClientId
}

export interface ScheduledRepository {
  /** Null when nothing was scheduled under that clientId, or long ago. */
  byClientId(
    place: { conversationId: ConversationId; senderId: UserId },
    clientId: ClientId,
    requestHash: Buffer,
  ): Promise<Known | null>

  /** Atomic; what was made meanwhile under its clientId is answered instead. `full`: as many wait already. */
  create(scheduled: NewScheduled, waitingMax: number): Promise<{ created: Scheduled } | Known | 'full'>

  /** The sender's own that wait or have failed, by time, then id. */
  list(
    conversationId: ConversationId,
    senderId: UserId,
    limit: number,
    after: ScheduledCursor | null,
  ): Promise<Scheduled[]>

  /**
   * Stops one that waits, or forgets one that failed, so that it is never sent. `late`: it is being sent or
   * was. Again is `cancelled`; `none`: the sender has no such one.
   */
  cancel(
    conversationId: ConversationId,
    senderId: UserId,
    id: ClientId,
  ): Promise<'cancelled' | 'late' | 'none'>
}

/** One whose time has come, held by this worker for a while. */
export interface DueMessage {
  id: ClientId
  conversationId: ConversationId
  senderId: UserId
  input: SendInput
  /** Fences a worker whose hold has ended. */
  attempt: number
  /** Since when it is not known whether it was sent, ms since 1970; this attempt at the latest. */
  attemptedAt: number
}

/** The rows' way from their time to their end. Times are the store's own. */
export interface ScheduledQueue {
  /** Those whose time has come and which nobody holds, earliest first. */
  claim(limit: number, leaseMs: number): Promise<DueMessage[]>

  sent(one: DueMessage): Promise<void>

  /** Failed for good, or sent when the log shows that an earlier attempt had succeeded. */
  refuse(one: DueMessage, reason: string): Promise<void>

  /** To be tried again; `isStored` tells whether it may be in the log by now. */
  postpone(one: DueMessage, isStored: 'no' | 'unknown'): Promise<void>

  /** Removes at most `limit` rows that ended that long ago; how many. */
  forget(endedBefore: Date, limit: number): Promise<number>
}
