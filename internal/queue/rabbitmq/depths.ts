import type { Channel } from 'amqplib'
import { unavailable } from '../../domain/errors.ts'
import { DELAYS_MS } from '../../notifier/ports.ts'
import type { QueueDepth, QueueReader } from '../../service/admin/ports.ts'
import { DEAD_QUEUE, queueFor } from './topology.ts'

/** Lends a channel of its own: looking at a queue that is not there ends it. */
export interface ChannelLender {
  /** @throws DomainError `dependency_unavailable` when not connected. */
  withChannel<Result>(work: (channel: Channel) => Promise<Result>): Promise<Result>
}

const QUEUES: readonly Omit<QueueDepth, 'messages'>[] = [
  ...DELAYS_MS.map((ms) => ({ name: queueFor(ms), kind: ms === 0 ? ('work' as const) : ('retry' as const) })),
  { name: DEAD_QUEUE, kind: 'dead' },
]

/** QueueReader on RabbitMQ: each queue is declared passively, which answers its length. */
export class RabbitQueueReader implements QueueReader {
  readonly #lender: ChannelLender

  constructor(lender: ChannelLender) {
    this.#lender = lender
  }

  depths(): Promise<QueueDepth[]> {
    return this.#lender.withChannel(async (channel) => {
      const depths: QueueDepth[] = []
      try {
        for (const queue of QUEUES) {
          const { messageCount } = await channel.checkQueue(queue.name)
          depths.push({ ...queue, messages: messageCount })
        }
      } catch (error) {
        throw unavailable('RabbitMQ', error)
      }
      return depths
    })
  }
}
