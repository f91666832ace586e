import { createHash } from 'node:crypto'
import { DomainError, invalid, notFound } from '../../domain/errors.ts'
import type { ClientId, ConversationId } from '../../domain/ids.ts'
import type { Scheduled } from '../../domain/scheduled.ts'
import type { Actor } from '../../domain/user.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import type { Messages, SendInput } from '../message/messages.ts'
import type { AccessReader } from '../message/ports.ts'
import { cutPage, type Page } from '../page.ts'
import type { Known, ScheduledCursor, ScheduledRepository } from './ports.ts'

export interface SchedulesDeps {
  repository: ScheduledRepository
  messages: Pick<Messages, 'check'>
  members: AccessReader
  newId(): ClientId
  now(): number
}

/** That a user may have waiting in one conversation. */
const WAITING_MAX = 100
const AHEAD_MAX_MS = 365 * 24 * 60 * 60 * 1000

/** Messages that their senders want to go out later. */
export class Schedules {
  readonly #deps: SchedulesDeps

  constructor(deps: SchedulesDeps) {
    this.#deps = deps
  }

  /**
   * What a send would refuse now is refused now. The same clientId with the same request answers what came of
   * the first, with `created: false`.
   * @throws DomainError validation_failed, not_found, forbidden, blocked, conflict (too many wait),
   *   idempotency_mismatch
   */
  async schedule(
    actor: Actor,
    conversationId: ConversationId,
    input: SendInput,
    sendAt: Date,
  ): Promise<{ scheduled: Scheduled; created: boolean }> {
    const { repository, messages, newId, now } = this.#deps
    const place = { conversationId, senderId: actor.userId }
    const requestHash = hashOf(input, sendAt)
    const { clientId } = input
    const known = clientId && (await repository.byClientId(place, clientId, requestHash))
    // Before its time is looked at: by a repeat's time it may have come.
    if (known) return repeated(known)
    checkTime(sendAt, now())
    await messages.check(actor, conversationId, input)
    const made = await repository.create(
      { id: newId(), ...place, input, sendAt, createdAt: new Date(now()), requestHash },
      WAITING_MAX,
    )
    if (made === 'full') throw new DomainError('conflict', 'Too many scheduled messages are waiting here.')
    if (typeof made === 'object' && 'created' in made) return { scheduled: made.created, created: true }
    return repeated(made)
  }

  /**
   * One's own that wait or have failed, earliest first. Whoever is no member any more still sees what became
   * of them. @throws DomainError not_found
   */
  async list(
    actor: Actor,
    conversationId: ConversationId,
    limit: number,
    cursor: string | null,
  ): Promise<Page<Scheduled>> {
    const { repository, members } = this.#deps
    const after = decodeCursor<ScheduledCursor>(cursor, { sendAt: 'time', id: 'uuid' })
    const found = await repository.list(conversationId, actor.userId, limit + 1, after)
    if (found.length === 0 && !(await members.access(conversationId, actor.userId))) {
      throw notFound('conversation')
    }
    return cutPage(found, limit, ({ sendAt, id }) => encodeCursor({ sendAt, id }))
  }

  /**
   * It is then never sent; again is no error.
   * @throws DomainError not_found, conflict (it was sent, or is being sent)
   */
  async cancel(actor: Actor, conversationId: ConversationId, id: ClientId): Promise<void> {
    const outcome = await this.#deps.repository.cancel(conversationId, actor.userId, id)
    if (outcome === 'none') throw notFound('scheduled message')
    if (outcome === 'late') throw new DomainError('conflict', 'It is too late: the message goes out.')
  }
}

function repeated(known: Known): { scheduled: Scheduled; created: boolean } {
  if (known !== 'mismatch') return { scheduled: known, created: false }
  throw new DomainError('idempotency_mismatch', 'This clientId was used for another scheduled message.')
}

function checkTime(sendAt: Date, now: number): void {
  if (!(sendAt.getTime() > now)) throw invalid('sendAt', 'must be in the future')
  if (sendAt.getTime() > now + AHEAD_MAX_MS) throw invalid('sendAt', 'must be within a year')
}

/** Compared after validation and without clientId. */
function hashOf({ type, content, replyTo, threadRootId, mentions }: SendInput, sendAt: Date): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([type, content, replyTo, threadRootId, mentions, sendAt.getTime()]))
    .digest()
    .subarray(0, 16)
}
