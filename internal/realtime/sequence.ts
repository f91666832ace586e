export interface Numbered<Entry> {
  /** Place in its key's order, dense from 1. */
  n: number
  entry: Entry
}

/** The pure part of an ordered stream: what comes next, and what waits behind a hole. */
export class Sequence<Entry> {
  next: number
  readonly #maxHeld: number
  readonly #held = new Map<number, Numbered<Entry>>()

  constructor(next: number, maxHeld: number) {
    this.next = next
    this.#maxHeld = maxHeld
  }

  /** Entries waiting. */
  get size(): number {
    return this.#held.size
  }

  /** True when nothing waits and this comes next: the caller delivers it and counts on. */
  isNext(n: number): boolean {
    return n === this.next && this.#held.size === 0
  }

  /** `full`: too much waits already, it is not held and must come again. */
  hold(n: number, entry: Entry): 'new' | 'known' | 'full' {
    if (n < this.next || this.#held.has(n)) return 'known'
    if (this.#held.size >= this.#maxHeld && n !== this.next) return 'full'
    this.#held.set(n, { n, entry })
    return 'new'
  }

  /** The next in order when it is there. */
  peek(): Numbered<Entry> | undefined {
    return this.#held.get(this.next)
  }

  /** The next in order was delivered. */
  drop(n: number): void {
    this.#held.delete(n)
    this.next = n + 1
  }
}
