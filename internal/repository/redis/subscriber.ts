import type { Redis } from 'ioredis'

/** The ear of a bus: hears channels, on whichever servers they are. */
export interface Subscriber {
  /** Subscribes to what it does not hear. False while a server is away. @throws when a server refuses. */
  subscribe(): Promise<boolean>
  /** Nothing is heard when nothing is said: this alone tells that connections live. @throws when one does not. */
  ping(): Promise<unknown>
  disconnect(): void
}

export interface SubscriberEvents {
  onMessage(channel: Buffer, message: Buffer): void
  /** Some channel is heard no more. */
  onLost(): void
}

/** Plain pub/sub on one server. */
export class ServerSubscriber implements Subscriber {
  readonly #redis: Redis
  readonly #channels: readonly string[]

  constructor(redis: Redis, channels: readonly string[], { onMessage, onLost }: SubscriberEvents) {
    this.#redis = redis
    this.#channels = channels
    redis.on('messageBuffer', onMessage)
    redis.on('close', onLost)
  }

  async subscribe(): Promise<boolean> {
    if (this.#redis.status !== 'ready') return false
    await this.#redis.subscribe(...this.#channels)
    return true
  }

  async ping(): Promise<void> {
    try {
      await this.#redis.ping()
    } catch (error) {
      this.#redis.disconnect(true)
      throw error
    }
  }

  disconnect(): void {
    this.#redis.disconnect()
  }
}
