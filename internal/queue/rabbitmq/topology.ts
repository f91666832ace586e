import type { Channel } from 'amqplib'
import { EVENT_KINDS } from '../../domain/event.ts'
import { DELAYS_MS, type DelayMs } from '../../notifier/ports.ts'

export const EVENTS_EXCHANGE = 'realchat.events'
export const NOTIFY_QUEUE = 'notify'
export const DEAD_QUEUE = 'notify.dead'

/** Redeliveries after which a message is dead: the backstop for one that kills its consumer. */
const DELIVERY_LIMIT = 20

const LABELS: Record<DelayMs, string> = {
  0: '0s',
  5000: '5s',
  10000: '10s',
  30000: '30s',
  120000: '2m',
  600000: '10m',
  3600000: '1h',
}

/** The queue in which a message waits before it comes (back) to `notify`. */
export function queueFor(delayMs: DelayMs): string {
  return delayMs === 0 ? NOTIFY_QUEUE : `${NOTIFY_QUEUE}.retry.${LABELS[delayMs]}`
}

/**
 * A quorum queue whose dead letters reach `target` at least once: kept until the target has confirmed them.
 * RabbitMQ does so only with overflow=reject-publish, and from 3.10 on with the feature flag stream_queue;
 * with the default strategy a message whose target is missing is lost. (Seen on 3.10.8: it waits in its
 * queue, and arrives within three minutes after the target is declared again.)
 */
function deadLettering(target: string): Record<string, string> {
  return {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': target,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  }
}

/**
 * Waited before a queue that went away is declared anew. RabbitMQ 3.10.8 wedges a quorum queue that is declared
 * while its namesake is still being deleted: publishes to it are never confirmed (one time in four at once).
 */
export const REDECLARE_AFTER_MS = 2000

/**
 * Declares everything; harmless when it exists. Publishers and consumers both do, whoever comes first.
 *
 * A queue's arguments cannot be changed: RabbitMQ refuses to declare it otherwise, and so would the processes of
 * the version before. What needs other arguments gets another name (`notify.v2`), is bound beside the old one,
 * and the old one is unbound here and consumed until it is empty.
 */
export async function declareTopology(channel: Channel): Promise<void> {
  await channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true })
  await channel.assertQueue(DEAD_QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertQueue(NOTIFY_QUEUE, {
    durable: true,
    arguments: { ...deadLettering(DEAD_QUEUE), 'x-delivery-limit': DELIVERY_LIMIT },
  })
  for (const delayMs of DELAYS_MS) {
    if (delayMs === 0) continue
    await channel.assertQueue(queueFor(delayMs), {
      durable: true,
      arguments: { ...deadLettering(NOTIFY_QUEUE), 'x-message-ttl': delayMs },
    })
  }
  for (const kind of EVENT_KINDS) await channel.bindQueue(NOTIFY_QUEUE, EVENTS_EXCHANGE, kind)
}
