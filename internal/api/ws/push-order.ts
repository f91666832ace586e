/**
 * The order of one channel's pushes that write: messages are pipelined, as the log keeps their order; a change
 * waits for what was pushed before it, and what is pushed after it waits for the change.
 */
export class PushOrder {
  #lastSend: Promise<unknown> = Promise.resolve()
  #lastChange: Promise<unknown> | null = null

  /** Runs at once unless a change is under way. */
  send<Result>(work: () => Promise<Result>): Promise<Result> {
    const sent = this.#lastChange === null ? work() : this.#lastChange.then(work)
    // The log settles the sends of a conversation in order, so that the last stands for all.
    this.#lastSend = settled(sent)
    return sent
  }

  change<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = Promise.all([this.#lastSend, this.#lastChange])
    const changed = before.then(work)
    const mine = settled(changed).then(() => {
      if (this.#lastChange === mine) this.#lastChange = null
    })
    this.#lastChange = mine
    return changed
  }
}

/** The failure is its caller's; the order only waits for the end. */
function settled(work: Promise<unknown>): Promise<unknown> {
  return work.then(noop, noop)
}

function noop(): void {}
