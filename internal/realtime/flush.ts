export interface Flushable {
  flush(): void
}

/** Writes of one tick, made together: whatever is marked is flushed once, when the tick's reads are done. */
export class FlushScheduler {
  #marked: Flushable[] = []
  readonly #run = () => {
    const marked = this.#marked
    this.#marked = []
    for (const one of marked) one.flush()
  }

  mark(one: Flushable): void {
    if (this.#marked.push(one) === 1) setImmediate(this.#run)
  }
}
