/** What the wheel watches. */
export interface Watched {
  /** Milliseconds since 1970; set by the owner whenever anything is heard. */
  lastHeardAt: number
  /** The wheel's own: where it stands. */
  wheelSlot: number
  /** Called when nothing was heard for the silence limit; no longer watched from then on. */
  onSilence(): void
}

/** What is looked at each tick for as long as its peer reads too slowly. */
export interface Congested {
  /** False when it need not be looked at again. */
  relieve(now: number): boolean
}

interface LivenessOptions {
  now: () => number
  /** Milliseconds of silence that end a connection. */
  silenceMs: number
  tickMs: number
}

/**
 * One timer for all connections. A frame costs a store of the time: a connection is looked at only when
 * its slot comes round, and moved on when it has been heard meanwhile.
 */
export class Liveness {
  readonly #options: LivenessOptions
  readonly #slots: Set<Watched>[]
  readonly #congested = new Set<Congested>()
  #hand = 0
  #timer: NodeJS.Timeout | null = null

  constructor(options: LivenessOptions) {
    this.#options = options
    const slots = Math.ceil(options.silenceMs / options.tickMs) + 2
    this.#slots = Array.from({ length: slots }, () => new Set())
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), this.#options.tickMs).unref()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  watch(one: Watched): void {
    one.lastHeardAt = this.#options.now()
    this.#place(one, this.#options.silenceMs)
  }

  forget(one: Watched & Congested): void {
    this.#slots[one.wheelSlot]?.delete(one)
    this.#congested.delete(one)
  }

  watchCongestion(one: Congested): void {
    this.#congested.add(one)
  }

  tick(): void {
    const now = this.#options.now()
    this.#hand = (this.#hand + 1) % this.#slots.length
    const due = this.#slots[this.#hand]
    for (const one of due ? [...due] : []) {
      due?.delete(one)
      const left = this.#options.silenceMs - (now - one.lastHeardAt)
      if (left > 0) this.#place(one, left)
      else one.onSilence()
    }
    for (const one of this.#congested) if (!one.relieve(now)) this.#congested.delete(one)
  }

  #place(one: Watched, delayMs: number): void {
    const ticks = Math.max(1, Math.ceil(delayMs / this.#options.tickMs))
    one.wheelSlot = (this.#hand + Math.min(ticks, this.#slots.length - 1)) % this.#slots.length
    this.#slots[one.wheelSlot]?.add(one)
  }
}
