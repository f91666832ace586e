import type { Channel, ChannelModel } from 'amqplib'
import { DomainError, unavailable } from '../../domain/errors.ts'
import type { ChatEvent } from '../../domain/event.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { aborted, type Component } from '../../platform/lifecycle.ts'
import type { Logger } from '../../platform/logger.ts'
import type { EventPublisher } from '../../relay/ports.ts'
import type { RetryQueue } from '../../service/notification/ports.ts'
import { chunks, envelopeOf, firstTask, nextRound } from '../codec.ts'
import { Confirms, type OutgoingMessage, Unroutable } from './confirms.ts'
import { backOff, openConnection } from './connection.ts'
import type { ChannelLender } from './depths.ts'
import {
  declareTopology,
  EVENTS_EXCHANGE,
  notifyQueue,
  REDECLARE_AFTER_MS,
  TOPOLOGY,
  type Topology,
} from './topology.ts'

export interface RabbitPublisherDeps {
  url: string
  logger: Logger
  clock?: Clock
  topology?: Topology
}

interface Open {
  connection: ChannelModel
  confirms: Confirms
}

const CONFIRM_TIMEOUT_MS = 10_000

/** Connects when first needed, and again after a failure, never more often than the back-off allows. */
export class RabbitPublisher implements EventPublisher, RetryQueue, ChannelLender, Component {
  readonly name = 'event publisher'
  readonly #deps: RabbitPublisherDeps
  readonly #clock: Clock
  #opening: Promise<Open> | null = null
  #failures = 0
  #notBefore = 0
  #stopped = false

  constructor(deps: RabbitPublisherDeps) {
    this.#deps = deps
    this.#clock = deps.clock ?? systemClock
  }

  async publish(events: readonly ChatEvent[]): Promise<void> {
    if (events.length === 0) return
    const open = await this.#open()
    const byKind = Map.groupBy(events, (event) => event.kind)
    const messages = [...byKind].flatMap(([routingKey, group]) =>
      chunks(group).map((some) => ({
        exchange: EVENTS_EXCHANGE,
        routingKey,
        body: envelopeOf(some.map(firstTask)),
      })),
    )
    await this.#send(open, messages)
  }

  /** Each travels alone, as retries do. */
  async retry(tasks: readonly unknown[]): Promise<void> {
    const again = nextRound(tasks)
    const open = await this.#open()
    await this.#send(
      open,
      again.map((task) => ({
        exchange: '',
        routingKey: notifyQueue((this.#deps.topology ?? TOPOLOGY).version),
        body: envelopeOf([task], true),
      })),
    )
  }

  async #send(open: Open, messages: readonly OutgoingMessage[]): Promise<void> {
    try {
      await withTimeout(Promise.all(messages.map((message) => open.confirms.send(message))))
    } catch (error) {
      // Whatever else was under way on this connection is as doubtful: the next publish starts afresh, and
      // declares what may be missing.
      if (error instanceof Unroutable) this.#notBefore = this.#clock.now() + REDECLARE_AFTER_MS
      this.#forget(open)
      throw unavailable('RabbitMQ', error)
    }
  }

  /** Resolves when connected; connects when it is not. @throws DomainError dependency_unavailable */
  async check(): Promise<void> {
    await this.#open()
  }

  async withChannel<Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> {
    const { connection } = await this.#open()
    const channel = await connection.createChannel().catch((error: unknown) => {
      throw unavailable('RabbitMQ', error)
    })
    channel.on('error', (error) => this.#deps.logger.debug({ err: error }, 'lent channel'))
    try {
      return await work(channel)
    } finally {
      await channel.close().catch((error) => this.#deps.logger.debug({ err: error }, 'closing'))
    }
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    ready()
    await aborted(signal)
    await this.close()
  }

  async close(): Promise<void> {
    this.#stopped = true
    const open = await this.#opening?.catch(() => null)
    this.#opening = null
    if (open)
      await open.connection.close().catch((error) => this.#deps.logger.debug({ err: error }, 'closing'))
  }

  async #open(): Promise<Open> {
    if (this.#stopped) throw unavailable('RabbitMQ', new Error('this process is stopping'))
    if (!this.#opening) {
      if (this.#clock.now() < this.#notBefore) throw unavailable('RabbitMQ')
      this.#opening = this.#connect()
    }
    return this.#opening
  }

  async #connect(): Promise<Open> {
    try {
      const connection = await openConnection(this.#deps.url, 'realchat publisher', this.#deps.logger)
      const channel = await connection.createConfirmChannel()
      channel.on('error', (error) => this.#deps.logger.warn({ err: error }, 'RabbitMQ channel failed'))
      await declareTopology(channel, this.#deps.topology)
      const open = { connection, confirms: new Confirms(channel) }
      channel.on('close', () => this.#forget(open))
      this.#failures = 0
      return open
    } catch (error) {
      this.#opening = null
      this.#notBefore = this.#clock.now() + backOff(this.#failures++)
      throw error instanceof DomainError ? error : unavailable('RabbitMQ', error)
    }
  }

  /** Leaves a connection; the next publish opens another. */
  #forget(open: Open): void {
    void this.#opening?.then((current) => {
      if (current !== open) return
      this.#opening = null
      open.connection.close().catch((error) => this.#deps.logger.debug({ err: error }, 'closing'))
    })
  }
}

async function withTimeout(work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('not confirmed in time')), CONFIRM_TIMEOUT_MS)
  try {
    await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
