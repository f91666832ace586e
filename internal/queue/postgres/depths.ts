import { unavailable } from '../../domain/errors.ts'
import type { QueueDepth, QueueReader } from '../../service/admin/ports.ts'
import { type Boss, DEAD_QUEUE, NOTIFY_QUEUE } from './boss.ts'

/** QueueReader on pg-boss, where what waits for its time is in the same queue. */
export class PostgresQueueReader implements QueueReader {
  readonly #boss: Boss

  constructor(boss: Boss) {
    this.#boss = boss
  }

  async depths(): Promise<QueueDepth[]> {
    const boss = this.#boss.get()
    try {
      const [[work], [dead]] = await Promise.all([
        boss.getQueueStats(NOTIFY_QUEUE),
        boss.getQueueStats(DEAD_QUEUE),
      ])
      return [
        { name: NOTIFY_QUEUE, kind: 'work', messages: work?.readyCount ?? 0 },
        { name: `${NOTIFY_QUEUE}.retry`, kind: 'retry', messages: work?.deferredCount ?? 0 },
        { name: DEAD_QUEUE, kind: 'dead', messages: dead?.queuedCount ?? 0 },
      ]
    } catch (error) {
      throw unavailable('The event queue', error)
    }
  }
}
