/** Channels of the bus; a topic's is chosen by a hash of it, the same on every node. */
export const SHARDS = 64

export interface BusListener {
  /** One published message. `bytes` must not be changed. */
  onMessage(shard: number, bytes: Uint8Array): void
  /** From here on messages may be missed. Called once for each loss. */
  onInterrupted(): void
  /** Messages are heard again; whatever was published since `onInterrupted` may have been missed. */
  onRestored(): void
}

/**
 * Carries bytes between the nodes of a cluster, at most once: a hint of what the log holds.
 *
 * Every subscriber, the publisher's own node included, hears what is published while it is connected; the
 * messages of one publisher on one shard are heard in the order of its `publish` calls, none twice.
 * Nothing is kept for who is not there.
 */
export interface Bus {
  /**
   * Resolves when the bus has taken it (which does not mean that anybody heard it).
   * @throws at once when the bus cannot be reached; it may be called again, but nobody repeats by himself.
   */
  publish(shard: number, bytes: Uint8Array): Promise<void>
  /**
   * Hears all shards from `ready` on until the signal aborts. Ready comes with the first subscription, or
   * after two seconds without one; then `onInterrupted` has been called.
   */
  run(listener: BusListener, signal: AbortSignal, ready: () => void): Promise<void>
}
