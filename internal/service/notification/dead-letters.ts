import { DomainError, notFound } from '../../domain/errors.ts'
import type { Actor } from '../../domain/user.ts'
import type { AuditTrail } from '../audit/ports.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import { cutPage, type Page } from '../page.ts'
import type { DeadLetterArchive, DeadLetterItem, DeadLetterPlace, RetryQueue } from './ports.ts'

export interface DeadLetterServiceDeps {
  archive: DeadLetterArchive
  queue: RetryQueue
  audit: Pick<AuditTrail, 'record'>
}

const AT_ONCE = 100

/** Notifications that were given up, for operators. Doors ask for the scope `admin`. */
export class DeadLetterService {
  readonly #deps: DeadLetterServiceDeps

  constructor(deps: DeadLetterServiceDeps) {
    this.#deps = deps
  }

  /** Newest first; what the messages say is not shown. */
  async list(limit: number, cursor: string | null): Promise<Page<DeadLetterItem>> {
    const before = decodeCursor<DeadLetterPlace>(cursor, { diedAt: 'time', id: 'text' })
    const found = await this.#deps.archive.list(limit + 1, before)
    return cutPage(found, limit, ({ diedAt, id }) => encodeCursor({ diedAt, id }))
  }

  /**
   * Queues it again, with a new round of attempts, to those it still concerns.
   * @throws DomainError not_found; conflict for one that could not be read; dependency_unavailable.
   */
  async retry(actor: Actor, id: string, address: string): Promise<void> {
    const found = await this.#deps.archive.tasks([id], null, 1)
    if (found.length === 0) {
      if (await this.#deps.archive.has(id)) {
        throw new DomainError('conflict', 'This letter could not be read: it can only be deleted.')
      }
      throw notFound('dead letter')
    }
    await this.#again(found)
    await this.#record(actor, 'admin.dead_letter_retry', id, address)
  }

  /** All that can be read; answers how many. Whatever dies meanwhile may be among them. */
  async retryAll(actor: Actor, address: string): Promise<number> {
    let retried = 0
    for (let after: string | null = null; ; ) {
      const found = await this.#deps.archive.tasks(null, after, AT_ONCE)
      if (found.length === 0) break
      await this.#again(found)
      retried += found.length
      after = found.at(-1)?.id ?? null
    }
    await this.#record(actor, 'admin.dead_letter_retry', 'all', address)
    return retried
  }

  /** Deleting what is not there (any more) is no error. */
  async remove(actor: Actor, id: string, address: string): Promise<void> {
    if ((await this.#deps.archive.remove([id])) > 0) {
      await this.#record(actor, 'admin.dead_letter_delete', id, address)
    }
  }

  /** Queued before it is deleted: in between it may be queued twice, and is sent once. */
  async #again(found: readonly { id: string; task: unknown }[]): Promise<void> {
    await this.#deps.queue.retry(found.map(({ task }) => task))
    await this.#deps.archive.remove(found.map(({ id }) => id))
  }

  async #record(actor: Actor, action: string, target: string, address: string): Promise<void> {
    const { userId: actorId, sessionId } = actor
    await this.#deps.audit.record({
      action,
      outcome: 'success',
      actorId,
      sessionId,
      target,
      address,
      details: {},
    })
  }
}
