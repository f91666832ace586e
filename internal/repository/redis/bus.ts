import { Cluster } from 'ioredis'
import { unavailable } from '../../domain/errors.ts'
import { systemClock } from '../../platform/clock.ts'
import { aborted, pause } from '../../platform/lifecycle.ts'
import { type Bus, type BusListener, SHARDS } from '../../realtime/ports.ts'
import { Breaker } from './breaker.ts'
import { createRedis, type RedisClient } from './client.ts'

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
  readonly #breaker = new Breaker({ clock: systemClock })

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
      await this.#breaker.call(() =>
        redis instanceof Cluster ? redis.spublish(channel, message) : redis.publish(channel, message),
      )
    } catch (error) {
      throw unavailable('Redis', error)
    }
  }

  async run(listener: BusListener, signal: AbortSignal, ready: () => void): Promise<void> {
    const subscriber = createRedis(this.#options.urls, 'bus', { subscriber: true })
    const first = new AbortController()
    const hearing = new Hearing(listener, () => first.abort())
    const onMessage = (channel: Buffer, message: Buffer) => {
      const shard = this.#shardOf.get(channel.toString())
      if (shard !== undefined && !signal.aborted) listener.onMessage(shard, message)
    }
    subscriber.on('messageBuffer', onMessage)
    subscriber.on('smessageBuffer', onMessage)
    subscriber.on('close', () => hearing.lost())
    subscriber.on('-node', () => hearing.lost())
    const watching = this.#watch(subscriber, hearing, signal)
    await pause(FIRST_SUBSCRIPTION_MS, AbortSignal.any([signal, first.signal]))
    if (!first.signal.aborted) hearing.neverHeard()
    ready()
    await aborted(signal)
    subscriber.disconnect()
    await watching
  }

  /** Subscribes whenever it is connected and does not hear, pings while it does. */
  async #watch(subscriber: RedisClient, hearing: Hearing, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (subscriber.status === 'ready') await this.#subscribeOrPing(subscriber, hearing)
      } catch (error) {
        if (signal.aborted) return
        this.#options.onError(error)
        hearing.lost()
        if (!(subscriber instanceof Cluster)) subscriber.disconnect(true)
      }
      await pause(hearing.hears ? PING_MS : SUBSCRIBE_RETRY_MS, AbortSignal.any([signal, hearing.change]))
    }
  }

  async #subscribeOrPing(subscriber: RedisClient, hearing: Hearing): Promise<void> {
    if (hearing.hears) {
      await subscriber.ping()
      return
    }
    const { change } = hearing
    if (subscriber instanceof Cluster) {
      for (const channel of this.#channels) await subscriber.ssubscribe(channel)
    } else await subscriber.subscribe(...this.#channels)
    // Lost while subscribing: what was subscribed is not any more.
    if (!change.aborted) hearing.begun()
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
