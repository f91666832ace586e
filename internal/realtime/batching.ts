import { randomBytes } from 'node:crypto'
import { decodeBatch, encodeBatch, publisherOf } from './batch.ts'
import { type Bus, type BusListener, SHARDS } from './ports.ts'

export interface BatchingListener {
  /** One entry, whichever node published it; this node's own come within `publish`. */
  onEntry(shard: number, entry: string): void
  /** Entries of this shard may have been missed: ask the log. */
  onGap(shard: number): void
  onInterrupted?(): void
  onRestored?(): void
}

interface BatchingOptions {
  bus: Bus
  listener: BatchingListener
  onError: (error: unknown) => void
  /** 32 hexadecimal digits, never used before; drawn unless given. */
  publisher?: string
}

/** Publishers whose numbers are remembered; of one forgotten the next batch is reported as a gap. */
const MAX_PUBLISHERS = 1024
/** Bytes of entries (UTF-16 units, to be exact) above which a tick's batch is published in parts. */
const MAX_BATCH = 512 * 1024

interface Outgoing {
  entries: string[]
  size: number
  number: number
  /** The last batch was lost on the way: listeners learn of it by the next number, so there must be one. */
  unheard: boolean
}

/**
 * Entries to all nodes: to this one at once, to the others in one numbered batch per shard and tick. A
 * missing number, a publisher not seen before and a broken bus are reported as gaps.
 */
export class BatchingBus implements BusListener {
  readonly name = 'bus'
  readonly #options: BatchingOptions
  readonly #publisher: string
  readonly #outgoing: Outgoing[]
  readonly #marked = new Set<number>()
  /** Publisher → last number of each shard, 0 where none was heard; least recently heard first. */
  readonly #heard = new Map<string, number[]>()
  #published: Promise<unknown> = Promise.resolve()
  #retry: NodeJS.Timeout | null = null

  constructor(options: BatchingOptions) {
    this.#options = options
    this.#publisher = options.publisher ?? randomBytes(16).toString('hex')
    this.#outgoing = Array.from({ length: SHARDS }, () => ({
      entries: [],
      size: 0,
      number: 0,
      unheard: false,
    }))
  }

  /** Delivers here before it returns; never throws for the bus's sake. */
  publish(shard: number, entry: string): void {
    const outgoing = this.#outgoing[shard]
    if (!outgoing) throw new RangeError(`There is no shard ${shard}.`)
    outgoing.entries.push(entry)
    outgoing.size += entry.length
    this.#mark(shard)
    if (outgoing.size > MAX_BATCH) this.#flushShard(shard, outgoing)
    this.#options.listener.onEntry(shard, entry)
  }

  /** Hears while it runs, and hands over what is left before it ends. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    await this.#options.bus.run(this, signal, ready)
    this.#flush()
    if (this.#retry) clearTimeout(this.#retry)
    await this.#published
  }

  onMessage(shard: number, bytes: Uint8Array): void {
    // The bus brings one's own back, too.
    if (publisherOf(bytes) === this.#publisher) return
    const batch = decodeBatch(bytes)
    if (!batch) {
      this.#options.onError(new Error(`Not a batch on shard ${shard}.`))
      return
    }
    const numbers = this.#numbersOf(batch.publisher)
    const last = numbers[shard] ?? 0
    if (batch.number <= last) return
    numbers[shard] = batch.number
    // The first from a publisher may have had predecessors, or a predecessor that died with its last words.
    if (last === 0 || batch.number !== last + 1) this.#options.listener.onGap(shard)
    for (const entry of batch.entries) this.#options.listener.onEntry(shard, entry)
  }

  onInterrupted(): void {
    this.#options.listener.onInterrupted?.()
  }

  onRestored(): void {
    this.#options.listener.onRestored?.()
    for (let shard = 0; shard < SHARDS; shard++) this.#options.listener.onGap(shard)
    this.#repeatUnheard()
  }

  #numbersOf(publisher: string): number[] {
    const numbers = this.#heard.get(publisher) ?? new Array<number>(SHARDS).fill(0)
    this.#heard.delete(publisher)
    this.#heard.set(publisher, numbers)
    if (this.#heard.size > MAX_PUBLISHERS) {
      for (const oldest of this.#heard.keys()) {
        this.#heard.delete(oldest)
        break
      }
    }
    return numbers
  }

  #mark(shard: number): void {
    if (this.#marked.size === 0) setImmediate(() => this.#flush())
    this.#marked.add(shard)
  }

  #flush(): void {
    for (const shard of this.#marked) {
      const outgoing = this.#outgoing[shard]
      if (outgoing && (outgoing.entries.length > 0 || outgoing.unheard)) this.#flushShard(shard, outgoing)
    }
    this.#marked.clear()
  }

  #flushShard(shard: number, outgoing: Outgoing): void {
    const { entries } = outgoing
    outgoing.entries = []
    outgoing.size = 0
    outgoing.unheard = false
    const bytes = encodeBatch({ publisher: this.#publisher, number: ++outgoing.number, entries })
    this.#published = this.#options.bus.publish(shard, bytes).catch((error: unknown) => {
      this.#options.onError(error)
      outgoing.unheard = true
      this.#retryLater()
    })
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null
      this.#repeatUnheard()
    }, 1000).unref()
  }

  /** An empty batch says by its number that something was lost. */
  #repeatUnheard(): void {
    for (const [shard, outgoing] of this.#outgoing.entries()) if (outgoing.unheard) this.#mark(shard)
  }
}
