import type { JobInsert } from 'pg-boss'
import { unavailable } from '../../domain/errors.ts'
import type { ChatEvent } from '../../domain/event.ts'
import type { EventPublisher } from '../../relay/ports.ts'
import type { RetryQueue } from '../../service/notification/ports.ts'
import { chunks, envelopeOf, firstTask, nextRound, packedEnvelope } from '../codec.ts'
import { type Boss, NOTIFY_QUEUE } from './boss.ts'
import { insertAll } from './insert.ts'

export class PostgresPublisher implements EventPublisher, RetryQueue {
  readonly #boss: Boss

  constructor(boss: Boss) {
    this.#boss = boss
  }

  async publish(events: readonly ChatEvent[]): Promise<void> {
    if (events.length === 0) return
    await this.#insert(
      chunks(events).map((some) => ({ data: packedEnvelope(envelopeOf(some.map(firstTask))) })),
    )
  }

  /** Each travels alone, as retries do. */
  async retry(tasks: readonly unknown[]): Promise<void> {
    await this.#insert(nextRound(tasks).map((task) => ({ data: envelopeOf([task], true) })))
  }

  async #insert(jobs: JobInsert[]): Promise<void> {
    try {
      await insertAll(this.#boss.get(), NOTIFY_QUEUE, jobs)
    } catch (error) {
      throw unavailable('The event queue', error)
    }
  }
}
