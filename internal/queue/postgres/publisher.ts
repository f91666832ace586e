import { unavailable } from '../../domain/errors.ts'
import type { ChatEvent } from '../../domain/event.ts'
import type { EventPublisher } from '../../relay/ports.ts'
import { chunks, envelopeOf, firstTask } from '../codec.ts'
import { type Boss, NOTIFY_QUEUE } from './boss.ts'
import { insertAll } from './insert.ts'

export class PostgresPublisher implements EventPublisher {
  readonly #boss: Boss

  constructor(boss: Boss) {
    this.#boss = boss
  }

  async publish(events: readonly ChatEvent[]): Promise<void> {
    if (events.length === 0) return
    const jobs = chunks(events).map((some) => ({ data: envelopeOf(some.map(firstTask)) }))
    try {
      await insertAll(this.#boss.get(), NOTIFY_QUEUE, jobs)
    } catch (error) {
      throw unavailable('The event queue', error)
    }
  }
}
