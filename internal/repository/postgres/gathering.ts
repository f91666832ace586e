interface Waiting<Asked, Answer> extends PromiseWithResolvers<Answer> {
  asked: Asked
}

const TOGETHER_MAX = 32

/**
 * Makes one statement of what is asked for in one turn of the event loop, as when a socket joins all of its
 * conversations: starting a large statement costs PostgreSQL more than running it once more. All wait for the
 * slowest, and fail together. What is read was committed when it was asked for, or later.
 */
export class Gathering<Asked, Answer> {
  readonly #read: (asked: readonly Asked[]) => Promise<readonly Answer[]>
  #waiting: Waiting<Asked, Answer>[] = []

  /** @param read answers in the order asked, at most 32 at once. */
  constructor(read: (asked: readonly Asked[]) => Promise<readonly Answer[]>) {
    this.#read = read
  }

  ask(asked: Asked): Promise<Answer> {
    const waiting = { asked, ...Promise.withResolvers<Answer>() }
    if (this.#waiting.push(waiting) === 1) setImmediate(() => this.#flush())
    return waiting.promise
  }

  #flush(): void {
    const all = this.#waiting
    this.#waiting = []
    for (let from = 0; from < all.length; from += TOGETHER_MAX) {
      void this.#together(all.slice(from, from + TOGETHER_MAX))
    }
  }

  async #together(batch: readonly Waiting<Asked, Answer>[]): Promise<void> {
    try {
      const answers = await this.#read(batch.map(({ asked }) => asked))
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index]
        if (answer === undefined) reject(new Error(`${answers.length} answers to ${batch.length} questions`))
        else resolve(answer)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
