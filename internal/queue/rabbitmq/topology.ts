import type { Channel, ChannelModel } from 'amqplib'
import { EVENT_KINDS } from '../../domain/event.ts'
import { DELAYS_MS, type DelayMs } from '../../notifier/ports.ts'

export const EVENTS_EXCHANGE = 'realchat.events'

/**
 * Raised whenever an argument below changes, as a queue's cannot be changed: RabbitMQ refuses to declare it
 * otherwise, and so would the processes of the version before. The queues of each version have names of their own.
 */
const VERSION = 1
/** Versions that may still have messages: bound to nothing any more, and consumed beside the current one. */
const FORMER: readonly number[] = []

/** Which queues are used. */
export interface Topology {
  version: number
  former: readonly number[]
}

export const TOPOLOGY: Topology = { version: VERSION, former: FORMER }
export const NOTIFY_QUEUE = notifyQueue(VERSION)
export const DEAD_QUEUE = deadQueue(VERSION)

export function notifyQueue(version: number): string {
  return version === 1 ? 'notify' : `notify.v${version}`
}

export function deadQueue(version: number): string {
  return `${notifyQueue(version)}.dead`
}

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
export function queueFor(delayMs: DelayMs, version: number = VERSION): string {
  const notify = notifyQueue(version)
  return delayMs === 0 ? notify : `${notify}.retry.${LABELS[delayMs]}`
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

/** Declares everything; harmless when it exists. Publishers and consumers both do, whoever comes first. */
export async function declareTopology(channel: Channel, { version }: Topology = TOPOLOGY): Promise<void> {
  const notify = notifyQueue(version)
  const dead = deadQueue(version)
  await channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true })
  await channel.assertQueue(dead, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertQueue(notify, {
    durable: true,
    arguments: { ...deadLettering(dead), 'x-delivery-limit': DELIVERY_LIMIT },
  })
  for (const delayMs of DELAYS_MS) {
    if (delayMs === 0) continue
    await channel.assertQueue(queueFor(delayMs, version), {
      durable: true,
      arguments: { ...deadLettering(notify), 'x-message-ttl': delayMs },
    })
  }
  for (const kind of EVENT_KINDS) await channel.bindQueue(notify, EVENTS_EXCHANGE, kind)
}

/**
 * The former versions that are still there, each unbound: what waits in their queues, for its time too, comes to
 * their `notify`. Looks on channels of its own, as asking for a queue that is not there ends one.
 */
export async function retireFormer(
  connection: ChannelModel,
  { former }: Topology = TOPOLOGY,
): Promise<number[]> {
  const there: number[] = []
  for (const version of former) {
    const channel = await connection.createChannel()
    const ended = Promise.withResolvers<boolean>()
    channel.on('error', () => ended.resolve(false))
    const isThere = await channel.checkQueue(notifyQueue(version)).then(
      () => true,
      () => ended.promise,
    )
    if (!isThere) continue
    for (const kind of EVENT_KINDS) await channel.unbindQueue(notifyQueue(version), EVENTS_EXCHANGE, kind)
    await channel.close()
    there.push(version)
  }
  return there
}
