import { type Numbered, Sequence } from './sequence.ts'

export type { Numbered } from './sequence.ts'

export interface OrderedStreamOptions<Entry> {
  /** Called once for every n of an open key, in order. */
  deliver(key: string, n: number, entry: Entry): void
  /** Asked before each delivery; false keeps the entry, and all that follow it, until `resume`. */
  admit?(key: string, entry: Entry): boolean
  /**
   * Everything after `afterN`, in order, from where nothing is lost; a prefix is enough, the rest is asked
   * for again. Empty when there is nothing.
   */
  heal(key: string, afterN: number): Promise<Numbered<Entry>[]>
  onError(error: unknown, key: string): void
  /** Told how many entries a healing delivered: what live delivery had missed. */
  onHealed?(key: string, count: number): void
  now?: () => number
  /** Milliseconds a hole may stay open before it is healed. */
  holdMs?: number
  /** Entries held behind a hole; beyond it they are given up, as healing brings them again. */
  maxHeld?: number
}

interface Stream<Entry> {
  sequence: Sequence<Entry>
  /** When the hole in front was first seen; 0 when there is none. */
  holeSince: number
  /** Healing asked for: now, or, after a failure, from this time on. */
  healFrom: number | null
  healing: boolean
  /** Not admitted what comes next. */
  paused: boolean
}

const HOLD_MS = 250
const MAX_HELD = 256
const RETRY_MS = 1000
/** Keys healed at a time: a lost bus touches them all. */
const MAX_HEALING = 16

/** Puts entries that come in any order, doubled or not at all, into order, each exactly once, per key. */
export class OrderedStream<Entry> {
  readonly #options: OrderedStreamOptions<Entry>
  readonly #holdMs: number
  readonly #now: () => number
  readonly #streams = new Map<string, Stream<Entry>>()
  /** Streams with a hole or a healing to come. */
  readonly #pending = new Map<string, Stream<Entry>>()
  #timer: NodeJS.Timeout | null = null
  #healing = 0
  healed = 0

  constructor(options: OrderedStreamOptions<Entry>) {
    this.#options = options
    this.#holdMs = options.holdMs ?? HOLD_MS
    this.#now = options.now ?? Date.now
  }

  get size(): number {
    return this.#streams.size
  }

  has(key: string): boolean {
    return this.#streams.has(key)
  }

  keys(): IterableIterator<string> {
    return this.#streams.keys()
  }

  /** The last n delivered; undefined for a key that is not open. */
  headOf(key: string): number | undefined {
    const stream = this.#streams.get(key)
    return stream && stream.sequence.next - 1
  }

  /** Begins after `head`, the last n known; a key that is open stays as it is. */
  open(key: string, head: number): void {
    if (this.#streams.has(key)) return
    const sequence = new Sequence<Entry>(head + 1, this.#options.maxHeld ?? MAX_HELD)
    this.#streams.set(key, { sequence, holeSince: 0, healFrom: null, healing: false, paused: false })
  }

  close(key: string): void {
    this.#streams.delete(key)
    this.#pending.delete(key)
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#streams.clear()
    this.#pending.clear()
  }

  /** One entry from anywhere; ignored when the key is not open or n was delivered. */
  accept(key: string, n: number, entry: Entry): void {
    const stream = this.#streams.get(key)
    if (!stream) return
    if (stream.sequence.isNext(n) && this.#admits(key, stream, entry)) {
      stream.sequence.next++
      this.#options.deliver(key, n, entry)
      return
    }
    const held = stream.sequence.hold(n, entry)
    this.#release(key, stream)
    if (held === 'full') this.#healSoon(key, stream)
  }

  /** Something of this key may have been missed. */
  gap(key: string): void {
    const stream = this.#streams.get(key)
    if (stream) this.#healSoon(key, stream)
  }

  /** The audit: `head` is the last n there is. */
  observe(key: string, head: number): void {
    const stream = this.#streams.get(key)
    if (stream && head >= stream.sequence.next) this.#healSoon(key, stream)
  }

  /** Goes on with what was not admitted. */
  resume(key: string): void {
    const stream = this.#streams.get(key)
    if (!stream?.paused) return
    stream.paused = false
    this.#release(key, stream)
    if (stream.healFrom !== null) this.#watch(key, stream)
  }

  #admits(key: string, stream: Stream<Entry>, entry: Entry): boolean {
    stream.paused ||= this.#options.admit?.(key, entry) === false
    return !stream.paused
  }

  #release(key: string, stream: Stream<Entry>): void {
    const { sequence } = stream
    let delivered = 0
    for (let next = sequence.peek(); next; next = sequence.peek()) {
      if (!this.#admits(key, stream, next.entry)) break
      sequence.drop(next.n)
      delivered++
      this.#options.deliver(key, next.n, next.entry)
      if (this.#streams.get(key) !== stream) return
    }
    if (delivered > 0 || sequence.size === 0 || stream.paused) stream.holeSince = 0
    if (sequence.size > 0 && !stream.paused) {
      if (stream.holeSince === 0) stream.holeSince = this.#now()
      this.#watch(key, stream)
    }
  }

  #healSoon(key: string, stream: Stream<Entry>): void {
    stream.healFrom ??= this.#now()
    this.#watch(key, stream)
    this.#healWhenDue(key, stream, this.#now())
  }

  #watch(key: string, stream: Stream<Entry>): void {
    this.#pending.set(key, stream)
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#look()
    }, this.#holdMs / 2).unref()
  }

  /** Heals what is due; keeps the timer going while anything may become so. */
  #look(): void {
    const now = this.#now()
    for (const [key, stream] of this.#pending) {
      if (this.#healing >= MAX_HEALING) break
      const isQuiet = stream.healFrom === null && stream.holeSince === 0 && !stream.healing
      if (isQuiet || stream.paused) this.#pending.delete(key)
      else this.#healWhenDue(key, stream, now)
    }
    const [first] = this.#pending
    if (first) this.#watch(...first)
  }

  #healWhenDue(key: string, stream: Stream<Entry>, now: number): void {
    const due = stream.healFrom ?? stream.holeSince + this.#holdMs
    if (stream.healing || stream.paused || now < due || this.#healing >= MAX_HEALING) return
    this.#heal(key, stream).catch((error: unknown) => this.#options.onError(error, key))
  }

  async #heal(key: string, stream: Stream<Entry>): Promise<void> {
    this.#healing++
    stream.healing = true
    stream.healFrom = null
    try {
      const healed = this.#deliverMissed(key, stream, await this.#options.heal(key, stream.sequence.next - 1))
      // A prefix was answered, or more was written meanwhile: ask until nothing more comes.
      if (healed > 0) stream.healFrom ??= this.#now()
      else if (stream.sequence.size > 0) stream.healFrom ??= this.#now() + RETRY_MS
    } catch (error) {
      stream.healFrom = this.#now() + RETRY_MS
      this.#options.onError(error, key)
    }
    this.#healing--
    stream.healing = false
    this.#look()
  }

  #deliverMissed(key: string, stream: Stream<Entry>, missed: Numbered<Entry>[]): number {
    let healed = 0
    for (const { n, entry } of missed) {
      if (this.#streams.get(key) !== stream) return 0
      if (stream.sequence.hold(n, entry) === 'new') healed++
      this.#release(key, stream)
    }
    this.#count(key, healed)
    return healed
  }

  #count(key: string, healed: number): void {
    if (healed === 0) return
    this.healed += healed
    this.#options.onHealed?.(key, healed)
  }
}
