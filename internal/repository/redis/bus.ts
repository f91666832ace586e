import { Cluster } from 'ioredis'
import { unavailable } from '../../domain/errors.ts'
import { systemClock } from '../../platform/clock.ts'
import { aborted, pause } from '../../platform/lifecycle.ts'
import { type Bus, type BusListener, SHARDS } from '../../realtime/ports.ts'
import { Breaker } from './breaker.ts'
import { createServerClient, type RedisClient } from './client.ts'
import { ClusterSubscriber } from './cluster-subscriber.ts'
import { ServerSubscriber, type Subscriber, type SubscriberEvents } from './subscriber.ts'

interface RedisBusOptions {
  urls: readonly string[]
  /** Before every channel's name. */
  prefix: string
  /** For publishing; a connection that subscribes can do nothing else. */
  redis: RedisClient
  onError: (error: unknown) => void
}

/** Milliseconds that a start waits for the first subscription. */
const FIRST_SUBSCRIPTION_MS = 2000
const SUBSCRIBE_RETRY_MS = 100
/** A subscriber hears nothing when nothing is said: only a ping tells that its connection still lives. */
const PING_MS = 5000

/** Bus on Redis pub/sub; on a cluster sharded pub/sub, which keeps the order of a channel. */
export class RedisBus implements Bus {
  readonly #options: RedisBusOptions
  readonly #channels: readonly string[]
  readonly #shardOf: ReadonlyMap<string, number>
  readonly #breakers = new Map<number, Breaker>()

  constructor(options: RedisBusOptions) {
    this.#options = options
    this.#channels = Array.from({ length: SHARDS }, (_, shard) => `${options.prefix}bus:${shard}`)
    this.#shardOf = new Map(this.#channels.map((channel, shard) => [channel, shard]))
  }

  async publish(shard: number, bytes: Uint8Array): Promise<void> {
    const channel = this.#channels[shard]
    if (channel === undefined) throw new RangeError(`There is no shard ${shard}.`)
    const { redis } = this.#options
    const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    try {
      if (redis instanceof Cluster) await this.#breakerOf(shard).call(() => redis.spublish(channel, message))
      else await this.#breakerOf(0).call(() => redis.publish(channel, message))
    } catch (error) {
      throw unavailable('Redis', error)
    }
  }

  async run(listener: BusListener, signal: AbortSignal, ready: () => void): Promise<void> {
    const first = new AbortController()
    const hearing = new Hearing(listener, () => first.abort())
    const subscriber = this.#subscriber({
      onMessage: (channel, message) => {
        const shard = this.#shardOf.get(channel.toString())
        if (shard !== undefined && !signal.aborted) listener.onMessage(shard, message)
      },
      onLost: () => hearing.lost(),
    })
    const watching = this.#watch(subscriber, hearing, signal)
    await pause(FIRST_SUBSCRIPTION_MS, AbortSignal.any([signal, first.signal]))
    if (!first.signal.aborted) hearing.neverHeard()
    ready()
    await aborted(signal)
    subscriber.disconnect()
    await watching
  }

  #subscriber(events: SubscriberEvents): Subscriber {
    const { urls } = this.#options
    const [first = '', ...others] = urls
    if (others.length > 0) return new ClusterSubscriber(urls, this.#channels, events)
    return new ServerSubscriber(
      createServerClient(first, 'bus', { subscriber: true }),
      this.#channels,
      events,
    )
  }

  /** In a cluster one for each shard, as one node may be down where the others are not. */
  #breakerOf(shard: number): Breaker {
    const breaker = this.#breakers.get(shard) ?? new Breaker({ clock: systemClock })
    this.#breakers.set(shard, breaker)
    return breaker
  }

  /** Subscribes whenever it does not hear, pings while it does. */
  async #watch(subscriber: Subscriber, hearing: Hearing, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { change } = hearing
      try {
        if (hearing.hears) await subscriber.ping()
        // Lost while subscribing: what was subscribed is not any more.
        else if ((await subscriber.subscribe()) && !change.aborted) hearing.begun()
      } catch (error) {
        if (signal.aborted) return
        this.#options.onError(error)
        hearing.lost()
      }
      await pause(hearing.hears ? PING_MS : SUBSCRIBE_RETRY_MS, AbortSignal.any([signal, hearing.change]))
    }
  }
}

/** Whether the subscriber hears, told to the listener at each change. */
class Hearing {
  hears = false
  readonly #listener: BusListener
  readonly #onFirst: () => void
  #lostBefore = false
  #change = new AbortController()

  constructor(listener: BusListener, onFirst: () => void) {
    this.#listener = listener
    this.#onFirst = onFirst
  }

  /** Aborts when it is lost. */
  get change(): AbortSignal {
    return this.#change.signal
  }

  begun(): void {
    this.hears = true
    if (this.#lostBefore) this.#listener.onRestored()
    this.#lostBefore = false
    this.#onFirst()
  }

  lost(): void {
    const change = this.#change
    this.#change = new AbortController()
    change.abort()
    if (!this.hears) return
    this.hears = false
    this.#lostBefore = true
    this.#listener.onInterrupted()
  }

  neverHeard(): void {
    if (this.#lostBefore) return
    this.#lostBefore = true
    this.#listener.onInterrupted()
  }
}
