import type { Channel, ChannelModel, ConsumeMessage, GetMessage } from 'amqplib'
import { unavailable } from '../../domain/errors.ts'
import type {
  DeadLetter,
  DeadLetterSource,
  DelayMs,
  EventConsumer,
  FollowUp,
  NotifyTask,
  TaskHandler,
} from '../../notifier/ports.ts'
import { pause } from '../../platform/lifecycle.ts'
import type { Logger } from '../../platform/logger.ts'
import { type Envelope, envelopeOf, parseEnvelope } from '../codec.ts'
import { deadLettersOf } from '../dead.ts'
import { outgoing } from '../follow-ups.ts'
import { Merging } from '../merging.ts'
import { Confirms, type OutgoingMessage } from './confirms.ts'
import { backOff, openConnection } from './connection.ts'
import {
  deadQueue,
  declareTopology,
  notifyQueue,
  queueFor,
  REDECLARE_AFTER_MS,
  retireFormer,
  TOPOLOGY,
  type Topology,
} from './topology.ts'

export interface RabbitConsumerDeps {
  url: string
  logger: Logger
  /** Messages (of up to 64 tasks) held at once. */
  prefetch?: number
  topology?: Topology
}

/**
 * As many single events as are handled together at most, so that the broker is not waited for; with fewer (128),
 * 500 events/s one by one were held up by it. Of full messages it is 32,768 events, some 30 MB.
 */
const PREFETCH = 512
const WATCH_MS = 5000

/** Consumes `notify`; every outcome is published and confirmed before its message is acknowledged. */
export class RabbitConsumer implements EventConsumer, DeadLetterSource {
  readonly #deps: RabbitConsumerDeps
  #session: Session | null = null

  constructor(deps: RabbitConsumerDeps) {
    this.#deps = deps
  }

  /** Messages in `notify` that no consumer holds. @throws DomainError dependency_unavailable when not connected. */
  async depth(): Promise<number> {
    if (!this.#session) throw unavailable('RabbitMQ')
    return this.#session.depth()
  }

  async takeDead(keep: (letters: DeadLetter[]) => Promise<void>, limit: number): Promise<number> {
    if (!this.#session) throw unavailable('RabbitMQ')
    return this.#session.takeDead(keep, limit)
  }

  async consume(handler: TaskHandler, signal: AbortSignal, ready: () => void): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      try {
        this.#session = await Session.open(this.#deps, handler, signal)
        failures = 0
        ready()
        await this.#session.finished()
      } catch (error) {
        const waitMs = Math.max(this.#session?.lostQueue ? REDECLARE_AFTER_MS : 0, backOff(failures++))
        this.#session = null
        this.#deps.logger.warn({ err: error, waitMs }, 'RabbitMQ cannot be consumed; trying again')
        // The broker's absence is shown by health, not by a process that never starts.
        ready()
        await pause(waitMs, signal)
      }
    }
  }
}

/** One connection's life as a consumer. */
class Session {
  readonly #connection: ChannelModel
  readonly #channel: Channel
  readonly #confirms: Confirms
  readonly #closed = new AbortController()
  readonly #handling = new Set<Promise<void>>()
  readonly #merging: Merging
  readonly #deps: { logger: Logger; handler: TaskHandler; signal: AbortSignal }
  readonly #consumerTags: string[] = []
  readonly #topology: Topology
  /** Former versions that are still there. */
  #former: readonly number[] = []
  /** The queue was deleted, or forgot its consumer. */
  lostQueue = false

  static async open(deps: RabbitConsumerDeps, handler: TaskHandler, signal: AbortSignal): Promise<Session> {
    const connection = await openConnection(deps.url, 'realchat notifier', deps.logger)
    try {
      const channel = await connection.createConfirmChannel()
      channel.on('error', (error) => deps.logger.warn({ err: error }, 'RabbitMQ channel failed'))
      const session = new Session(connection, channel, new Confirms(channel), {
        logger: deps.logger,
        handler,
        signal,
        topology: deps.topology ?? TOPOLOGY,
      })
      await declareTopology(channel, deps.topology)
      await channel.prefetch(deps.prefetch ?? PREFETCH)
      await session.#begin()
      return session
    } catch (error) {
      await connection.close().catch((closing) => deps.logger.debug({ err: closing }, 'closing'))
      throw error
    }
  }

  constructor(
    connection: ChannelModel,
    channel: Channel,
    confirms: Confirms,
    deps: { logger: Logger; handler: TaskHandler; signal: AbortSignal; topology: Topology },
  ) {
    this.#topology = deps.topology
    this.#connection = connection
    this.#channel = channel
    this.#confirms = confirms
    this.#deps = deps
    this.#merging = new Merging({
      ...deps,
      ended: AbortSignal.any([deps.signal, this.#closed.signal]),
      keep: (followUps) => this.#publish(followUps),
    })
    channel.on('close', () => this.#closed.abort())
  }

  async #begin(): Promise<void> {
    this.#former = await retireFormer(this.#connection, this.#topology)
    for (const version of [this.#topology.version, ...this.#former]) {
      const { consumerTag } = await this.#channel.consume(notifyQueue(version), (message) => {
        this.take(message)
      })
      this.#consumerTags.push(consumerTag)
    }
  }

  /** Resolves when drained after an abort; rejects when the broker ended the session. */
  async finished(): Promise<void> {
    const { signal, logger } = this.#deps
    await this.#watch(AbortSignal.any([signal, this.#closed.signal]))
    if (!this.#closed.signal.aborted) {
      const cancelled = this.#consumerTags.map((tag) => this.#channel.cancel(tag))
      await Promise.all(cancelled).catch((error) => logger.warn({ err: error }, 'cancelling'))
    }
    await Promise.allSettled(this.#handling)
    // Closing returns to the queue what is not acknowledged; the channel first, as closing the connection
    // overtakes acknowledgements (seen: handled once more).
    if (!this.#closed.signal.aborted) {
      await this.#channel.close().catch((error) => logger.debug({ err: error }, 'closing'))
    }
    await this.#connection.close().catch((error) => logger.debug({ err: error }, 'closing'))
    if (!signal.aborted) throw new Error('the broker ended the session')
  }

  /**
   * Resolves at the end. A broker that deletes a quorum queue does not always cancel its consumers (seen with
   * 3.10, one time in three): without asking, this one would wait for ever beside the queue's successor.
   */
  async #watch(ended: AbortSignal): Promise<void> {
    for (;;) {
      await pause(WATCH_MS, ended)
      if (ended.aborted) return
      try {
        const { consumerCount } = await this.#channel.checkQueue(this.#queue(0))
        if (consumerCount === 0) this.#lose()
      } catch (error) {
        this.#deps.logger.warn({ err: error }, 'the queue cannot be looked at')
        this.#lose()
      }
    }
  }

  #lose(): void {
    this.lostQueue = true
    this.#closed.abort()
  }

  async depth(): Promise<number> {
    return (await this.#channel.checkQueue(this.#queue(0))).messageCount
  }

  async takeDead(keep: (letters: DeadLetter[]) => Promise<void>, limit: number): Promise<number> {
    const messages: GetMessage[] = []
    for (const version of [this.#topology.version, ...this.#former]) {
      while (messages.length < limit) {
        const message = await this.#channel.get(deadQueue(version))
        if (message === false) break
        messages.push(message)
      }
    }
    try {
      await keep(messages.flatMap(({ content }) => deadLettersOf(content.toString(), Date.now())))
    } catch (error) {
      if (!this.#closed.signal.aborted)
        for (const message of messages) this.#channel.nack(message, false, true)
      throw error
    }
    if (this.#closed.signal.aborted) return 0
    for (const message of messages) this.#channel.ack(message)
    return messages.length
  }

  take(message: ConsumeMessage | null): void {
    // The broker cancelled the consumer: its queue is gone or moved, so that declaring anew is due.
    if (message === null) {
      this.#lose()
      return
    }
    const work = this.#settle(message)
      .catch((error) => this.#giveBack(message, error))
      // The channel went away at that very moment, and the broker takes the message back by itself.
      .catch((error) => this.#deps.logger.warn({ err: error }, 'a batch of events could not be returned'))
      .finally(() => this.#handling.delete(work))
    this.#handling.add(work)
  }

  async #settle(message: ConsumeMessage): Promise<void> {
    const envelope = decode(message)
    const { redelivered } = message.fields
    if (envelope === null) await this.#confirms.send(this.#dead(undecodable(message)))
    else if (redelivered && envelope.tasks.length > 1) await this.#split(envelope.tasks)
    else await this.#merging.add(envelope.tasks, envelope.alone || redelivered)
    if (!this.#closed.signal.aborted) this.#channel.ack(message)
  }

  async #split(tasks: NotifyTask[]): Promise<void> {
    await Promise.all(
      tasks.map((task) => this.#confirms.send(toQueue(this.#queue(0), envelopeOf([task], true)))),
    )
  }

  async #publish(followUps: FollowUp[]): Promise<void> {
    const { again, dead } = outgoing(followUps)
    await Promise.all([
      ...again.map(({ delayMs, envelope }) => this.#confirms.send(toQueue(this.#queue(delayMs), envelope))),
      ...dead.map((letter) => this.#confirms.send(this.#dead(letter))),
    ])
  }

  #queue(delayMs: DelayMs): string {
    return queueFor(delayMs, this.#topology.version)
  }

  #dead(body: unknown): OutgoingMessage {
    return toQueue(deadQueue(this.#topology.version), body)
  }

  async #giveBack(message: ConsumeMessage, error: unknown): Promise<void> {
    const { logger, signal } = this.#deps
    if (!signal.aborted) logger.error({ err: error }, 'a batch of events could not be settled')
    // Not at once: a fault that lasts would otherwise spin through the delivery limit.
    await pause(1000, AbortSignal.any([signal, this.#closed.signal]))
    if (!this.#closed.signal.aborted) this.#channel.nack(message, false, true)
  }
}

function toQueue(queue: string, body: unknown): OutgoingMessage {
  return { exchange: '', routingKey: queue, body }
}

function decode(message: ConsumeMessage): Envelope | null {
  try {
    return parseEnvelope(JSON.parse(message.content.toString()))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function undecodable(message: ConsumeMessage): { reason: string; content: string } {
  return { reason: 'undecodable', content: message.content.toString('base64') }
}
