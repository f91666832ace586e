import { DomainError } from '../../domain/errors.ts'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { Decision, LockedConversation } from '../conversation/ports.ts'
import type { AuthoredMessages } from './authored.ts'
import type { Erasure, ErasureQueue, Successors } from './ports.ts'

/** Long enough for one step; whoever dies in it leaves the erasure to others after that. */
const LEASE_MS = 60_000
/** How often a group's other members may be quicker. */
const ATTEMPTS_MAX = 10

export interface ErasuresDeps {
  queue: ErasureQueue
  authored: Pick<AuthoredMessages, 'page'>
  successors: Successors
  /** Changes a conversation under its lock, and tells its members. */
  change(
    request: { conversationId: ConversationId; actorId: UserId; userIds: readonly UserId[] },
    decide: (locked: LockedConversation) => Decision | null,
  ): Promise<unknown>
  /** Deletes a message for everyone; again is no error. */
  erase(conversationId: ConversationId, userId: UserId, seq: Seq): Promise<void>
}

/**
 * Erases what deleted accounts wrote, conversation by conversation. Every step may be done again, so that the work
 * goes on where a killed process left it, on whichever node.
 */
export class Erasures {
  readonly #deps: ErasuresDeps

  constructor(deps: ErasuresDeps) {
    this.#deps = deps
  }

  /** Does a bounded piece of work; false when there is none. */
  async step(): Promise<boolean> {
    const { queue } = this.#deps
    const erasure = await queue.claim(LEASE_MS)
    if (!erasure) return false
    const done = { afterSeq: erasure.afterSeq }
    try {
      await this.#work(erasure, done)
    } catch (error) {
      await queue.postpone(erasure, done.afterSeq)
      throw error
    }
    return true
  }

  async #work(erasure: Erasure, done: { afterSeq: Seq }): Promise<void> {
    const { queue, authored, erase } = this.#deps
    const { userId, conversationId, afterSeq } = erasure
    if (!erasure.departed) {
      await this.#depart(conversationId, userId)
      await queue.depart(erasure)
    }
    const { entries, next } = await authored.page(conversationId, userId, afterSeq)
    for (const { seq } of entries) {
      await erase(conversationId, userId, seq)
      done.afterSeq = seq
    }
    if (next === null) await queue.finish(erasure)
    else await queue.progress(erasure, next)
  }

  /** Leaves a group, which goes to another or ends; a direct conversation stays for the other one. */
  async #depart(conversationId: ConversationId, userId: UserId): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const successor = await this.#deps.successors.successorOf(conversationId, userId)
      const request = { conversationId, actorId: userId, userIds: successor ? [successor] : [] }
      let isLast = true
      try {
        await this.#deps.change(request, (locked) => {
          const step = departure(locked, userId, successor)
          isLast = step.isLast
          return step.decision
        })
      } catch (error) {
        if (error instanceof DomainError && error.code === 'not_found') return
        throw error
      }
      if (isLast) return
    }
    throw new DomainError('overloaded', 'The members of the group change too fast.')
  }
}

/** The next step out of the conversation, and whether it is the last. */
export function departure(
  locked: LockedConversation,
  userId: UserId,
  successor: UserId | null,
): { decision: Decision | null; isLast: boolean } {
  const member = locked.members.get(userId)
  if (!member || locked.kind === 'direct') return { decision: null, isLast: true }
  if (member.role !== 'owner') {
    const says = { event: 'member_left' as const, actorId: userId, userIds: [userId] }
    return { decision: { kind: 'leave', userId, reason: 'left', says }, isLast: true }
  }
  if (successor === null) return { decision: { kind: 'delete' }, isLast: true }
  // Has left meanwhile: somebody else is to be found.
  if (!locked.members.has(successor)) return { decision: null, isLast: false }
  const roles = [
    { userId: successor, role: 'owner' },
    { userId, role: 'admin' },
  ] as const
  const says = { event: 'ownership_transferred' as const, actorId: userId, userIds: [successor] }
  return { decision: { kind: 'roles', roles, says }, isLast: false }
}
