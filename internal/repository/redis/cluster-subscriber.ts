import { type Redis, ReplyError } from 'ioredis'
import { createServerClient, sameClusterUrl } from './client.ts'
import type { Subscriber, SubscriberEvents } from './subscriber.ts'

/** A channel that moves while it is looked for is looked for again at the next try. */
const REDIRECTS_MAX = 3

/**
 * Sharded pub/sub on a cluster: a connection to each node that has any of the channels, found by asking any node,
 * which answers MOVED with the right one. The driver's own way (`shardedSubscribers`) subscribes anew by itself, so
 * that nobody learns of the gap, keeps every channel once more at each try, and pings no subscribed connection.
 */
export class ClusterSubscriber implements Subscriber {
  readonly #seeds: readonly string[]
  readonly #channels: readonly string[]
  readonly #events: SubscriberEvents
  /** By address, `host:port`. */
  readonly #connections = new Map<string, Redis>()
  /** Where each channel was last said to be. */
  readonly #places = new Map<string, string>()
  readonly #heard = new Set<string>()
  /** Words of a move without a question, by address. */
  readonly #unexplained = new Map<string, number>()
  #turn = 0

  /** @param seeds URLs of some of the nodes. */
  constructor(seeds: readonly string[], channels: readonly string[], events: SubscriberEvents) {
    this.#seeds = seeds
    this.#channels = channels
    this.#events = events
    for (const url of seeds) this.#connect(new URL(url).host, url)
  }

  async subscribe(): Promise<boolean> {
    const missing = this.#channels.filter((channel) => !this.#heard.has(channel))
    const found = await Promise.all(missing.map((channel) => this.#find(channel)))
    const isComplete = found.every(Boolean)
    if (isComplete) this.#forgetUnused()
    return isComplete
  }

  async ping(): Promise<void> {
    await Promise.all(
      [...new Set(this.#places.values())].map(async (address) => {
        const connection = this.#connections.get(address)
        try {
          await connection?.ping()
        } catch (error) {
          connection?.disconnect(true)
          throw error
        }
      }),
    )
  }

  disconnect(): void {
    for (const connection of this.#connections.values()) connection.disconnect()
  }

  /** Whether the channel is heard now. */
  async #find(channel: string): Promise<boolean> {
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const [address, connection] = this.#whereToAsk(channel) ?? []
      if (!connection || !address) return false
      try {
        await connection.ssubscribe(channel)
        this.#places.set(channel, address)
        // Lost again before this went on: whoever lost it has forgotten the others, too.
        if (connection.status === 'ready') this.#heard.add(channel)
        return connection.status === 'ready'
      } catch (error) {
        const moved = movedTo(error)
        if (!moved && error instanceof ReplyError) throw error
        if (!moved || !this.#redirect(channel, address, moved)) return false
      }
    }
    return false
  }

  /** Whether the channel can be asked for there at once. */
  #redirect(channel: string, asked: string, moved: string): boolean {
    this.#unexplained.set(asked, (this.#unexplained.get(asked) ?? 0) - 1)
    // A node that knows no name of its own leaves the host out: it is the one just asked.
    const to = moved.startsWith(':') ? asked.slice(0, asked.lastIndexOf(':')) + moved : moved
    this.#places.set(channel, to)
    this.#connect(to, sameClusterUrl(this.#seeds[0] ?? '', to))
    return this.#connections.get(to)?.status === 'ready'
  }

  /** The node that had it last; one that is away may have been replaced, which any other knows. */
  #whereToAsk(channel: string): [string, Redis] | undefined {
    const ready = [...this.#connections].filter(([, { status }]) => status === 'ready')
    const place = this.#places.get(channel)
    return ready.find(([address]) => address === place) ?? ready[this.#turn++ % ready.length]
  }

  #connect(address: string, url: string): void {
    if (this.#connections.has(address)) return
    const connection = createServerClient(url, 'bus', { subscriber: true })
    this.#connections.set(address, connection)
    connection.on('smessageBuffer', this.#events.onMessage)
    connection.on('close', () => this.#lost(address))
    connection.on('moved', () => this.#moved(address))
  }

  /**
   * Either the answer to a question asked here, which gets its rejection next, or the server took a channel from this
   * connection, as another node has its slot now: it is not said which.
   */
  #moved(address: string): void {
    this.#unexplained.set(address, (this.#unexplained.get(address) ?? 0) + 1)
    setImmediate(() => {
      if ((this.#unexplained.get(address) ?? 0) > 0) this.#lost(address)
      this.#unexplained.delete(address)
    })
  }

  /** Nothing is, by a connection that had no channel: one to a seed that is down closes at every try. */
  #lost(address: string): void {
    let isLoss = false
    for (const [channel, place] of this.#places) {
      if (place === address && this.#heard.delete(channel)) isLoss = true
    }
    if (isLoss) this.#events.onLost()
  }

  /** Connections to nodes that have no channel any more, or are gone. */
  #forgetUnused(): void {
    const used = new Set([...this.#places.values(), ...this.#seeds.map((url) => new URL(url).host)])
    for (const [address, connection] of this.#connections) {
      if (used.has(address)) continue
      this.#connections.delete(address)
      connection.disconnect()
    }
  }
}

/** The address in `MOVED 3999 127.0.0.1:6381`. */
function movedTo(error: unknown): string | null {
  const text = error instanceof Error ? error.message : ''
  return /^MOVED \d+ (\S*:\d+)$/.exec(text)?.[1] ?? null
}
