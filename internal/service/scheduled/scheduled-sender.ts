import { setTimeout as pause } from 'node:timers/promises'
import { DomainError, type ErrorCode } from '../../domain/errors.ts'
import type { ClientId } from '../../domain/ids.ts'
import type { Messages } from '../message/messages.ts'
import type { DueMessage, ScheduledQueue } from './ports.ts'

export interface ScheduledSenderOptions {
  queue: ScheduledQueue
  messages: Pick<Messages, 'send'>
  onError(error: unknown): void
  now(): number
}

/** Pause between two looks for what is due. */
const LOOK_MS = 250
/** Under way at once in this process. */
const HELD_MAX = 500
/** Short, so that what a killed node held goes out soon: sending one twice is harmless. */
const LEASE_MS = 2000
/** The log knows an operation again for longer than this; later a repeat could be a second message. */
const UNKNOWN_MAX_MS = 24 * 60 * 60 * 1000
const KEPT_MS = 30 * 24 * 60 * 60 * 1000
const FORGET_EVERY_MS = 60 * 60 * 1000
const FORGET_MAX = 1000

/** Sends what was scheduled, in every API process: whichever comes first. A Component. */
export class ScheduledSender {
  readonly name = 'scheduled messages'
  readonly #options: ScheduledSenderOptions
  /** Under way, as last claimed. */
  readonly #held = new Map<ClientId, DueMessage>()
  readonly #work = new Set<Promise<void>>()
  #forgetAt: number

  constructor(options: ScheduledSenderOptions) {
    this.#options = options
    this.#forgetAt = options.now() + FORGET_EVERY_MS
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    ready()
    while (!signal.aborted) {
      let hasMore = false
      try {
        hasMore = await this.#look()
      } catch (error) {
        this.#options.onError(error)
      }
      if (!hasMore) await pause(LOOK_MS, undefined, { signal }).catch(() => {})
    }
    await Promise.all(this.#work)
  }

  /** Begins to send what is due; true when there may be more that could be begun. */
  async #look(): Promise<boolean> {
    const { queue, now } = this.#options
    const room = HELD_MAX - this.#held.size
    if (room <= 0) return false
    const due = await queue.claim(room, LEASE_MS)
    // In one tick, so that those of one conversation keep their order.
    for (const one of due) this.#begin(one)
    if (due.length === 0 && now() > this.#forgetAt) {
      this.#forgetAt = now() + FORGET_EVERY_MS
      await queue.forget(new Date(now() - KEPT_MS), FORGET_MAX)
    }
    return due.length === room
  }

  #begin(one: DueMessage): void {
    const isUnderWay = this.#held.has(one.id)
    this.#held.set(one.id, one)
    if (isUnderWay) return
    const work = this.#settle(one)
      .catch(this.#options.onError)
      .finally(() => {
        this.#held.delete(one.id)
        this.#work.delete(work)
      })
    this.#work.add(work)
  }

  async #settle({ id, ...claimed }: DueMessage): Promise<void> {
    const { queue } = this.#options
    const failure = await this.#send(id, claimed)
    // Claimed again meanwhile, when it took long.
    const one = this.#held.get(id)
    if (!one) return
    switch (failure) {
      case null:
        return queue.sent(one)
      case 'overloaded':
        return queue.postpone(one, 'no')
      case 'dependency_unavailable':
      case 'internal':
        return queue.postpone(one, 'unknown')
      default:
        return queue.refuse(one, failure)
    }
  }

  /** Why it was not sent, as far as is known; null when it was. */
  async #send(
    id: ClientId,
    { senderId: userId, conversationId, input, attemptedAt }: Omit<DueMessage, 'id'>,
  ): Promise<ErrorCode | 'outcome_unknown' | null> {
    const { messages, now, onError } = this.#options
    if (now() - attemptedAt > UNKNOWN_MAX_MS) return 'outcome_unknown'
    try {
      await messages.send({ userId }, conversationId, { ...input, clientId: id }, { isScheduled: true })
      return null
    } catch (error) {
      if (error instanceof DomainError) return error.code
      onError(error)
      return 'internal'
    }
  }
}
