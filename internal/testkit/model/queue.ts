import { unavailable } from '../../domain/errors.ts'
import type { ChatEvent } from '../../domain/event.ts'
import type { EventPublisher } from '../../relay/ports.ts'
import type { Schedule } from './schedule.ts'

/** An event queue that keeps what it was given, and sometimes says that it did not. */
export class ModelQueue implements EventPublisher {
  readonly published = new Set<string>()
  isFaulty = true
  readonly #schedule: Schedule

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  async publish(events: readonly ChatEvent[]): Promise<void> {
    const { random } = this.#schedule
    await this.#schedule.turn()
    for (const event of events) {
      if (this.isFaulty && random.chance(0.02)) throw unavailable('RabbitMQ')
      this.published.add(event.id)
    }
    if (this.isFaulty && random.chance(0.02)) throw unavailable('RabbitMQ')
  }
}
