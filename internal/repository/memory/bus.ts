import { aborted } from '../../platform/lifecycle.ts'
import { type Bus, type BusListener, SHARDS } from '../../realtime/ports.ts'

/** The bus of a single process: every MemoryBus made of one exchange hears the others. */
export class MemoryExchange {
  readonly listeners = new Set<BusListener>()
}

export class MemoryBus implements Bus {
  readonly #exchange: MemoryExchange

  constructor(exchange: MemoryExchange = new MemoryExchange()) {
    this.#exchange = exchange
  }

  /** Heard in the same tick, but never within this call: a listener must not run inside its publisher. */
  async publish(shard: number, bytes: Uint8Array): Promise<void> {
    if (shard < 0 || shard >= SHARDS) throw new RangeError(`There is no shard ${shard}.`)
    await undefined
    for (const listener of this.#exchange.listeners) listener.onMessage(shard, bytes)
  }

  async run(listener: BusListener, signal: AbortSignal, ready: () => void): Promise<void> {
    this.#exchange.listeners.add(listener)
    ready()
    await aborted(signal)
    this.#exchange.listeners.delete(listener)
  }
}
