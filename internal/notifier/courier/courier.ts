import type { Identity } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'
import { aborted, type Component, pause } from '../../platform/lifecycle.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Courier, Notice } from '../../service/verification/ports.ts'
import { letterOf } from './letter.ts'
import type { Carrier } from './ports.ts'

const WAITING_MAX = 1000
const AT_ONCE = 4
/** Pauses before a repeat, ms; a code is asked for again by then. */
const RETRIES_MS = [1000, 5000, 20_000]

export interface PostOfficeDeps {
  email: Carrier
  phone: Carrier
  logger: Logger
}

interface Item {
  userId: UserId
  to: Identity
  notice: Notice
}

/**
 * Sends notices in the background of this process, a few at once, repeating what fails. What waits at its
 * end is sent before it drains, but once only. Nothing is kept over a crash: codes can be asked for again.
 */
export class PostOffice implements Courier, Component {
  readonly name = 'courier'
  readonly #deps: PostOfficeDeps
  readonly #waiting: Item[] = []
  #wake: () => void = () => {}

  constructor(deps: PostOfficeDeps) {
    this.#deps = deps
  }

  send(userId: UserId, to: Identity, notice: Notice): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#deps.logger.error({ userId, kind: notice.kind }, 'notice dropped: too many wait')
      return
    }
    this.#waiting.push({ userId, to, notice })
    this.#wake()
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    ready()
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#work(signal)))
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const item = this.#waiting.shift()
      if (item) await this.#deliver(item, signal)
      else if (signal.aborted) return
      else await Promise.race([this.#arrival(), aborted(signal)])
    }
  }

  /** Resolves when something arrives; all who wait look, one finds it. */
  #arrival(): Promise<void> {
    const before = this.#wake
    return new Promise((resolve) => {
      this.#wake = () => {
        before()
        resolve()
      }
    })
  }

  async #deliver({ userId, to, notice }: Item, signal: AbortSignal): Promise<void> {
    const letter = letterOf(notice)
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#deps[to.kind].carry(userId, to.value, letter)
      } catch (error) {
        const wait = RETRIES_MS[attempt]
        const last = wait === undefined || signal.aborted
        this.#deps.logger.warn({ userId, kind: notice.kind, attempt, last, err: error }, 'notice not sent')
        if (last) return
        await pause(wait, signal)
      }
    }
  }
}
