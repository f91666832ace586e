import type { Identity } from '../../domain/identity.ts'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import { aborted, type Component, pause } from '../../platform/lifecycle.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Courier, Notice } from '../../service/verification/ports.ts'
import { letterOf } from './letter.ts'
import { type Carrier, type MailLedger, Undelivered } from './ports.ts'

const WAITING_MAX = 1000
const AT_ONCE = 4
/** Pauses before a repeat, ms; a code is asked for again by then. */
const RETRIES_MS = [1000, 5000, 20_000]

export interface PostOfficeDeps {
  email: Carrier
  phone: Carrier
  ledger: MailLedger
  clock: Clock
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
    this.#deps.email.close()
    this.#deps.phone.close()
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

  async #deliver(item: Item, signal: AbortSignal): Promise<void> {
    const { userId, to, notice } = item
    const about = { userId, kind: notice.kind }
    if (!(await this.#mayGo(item))) {
      this.#deps.logger.warn(about, 'notice dropped: the user has had as many mails today as they may')
      return
    }
    const letter = letterOf(notice, uuidv7())
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#deps[to.kind].carry(userId, to.value, letter)
      } catch (error) {
        const failure = error instanceof Undelivered ? error.failure : null
        const wait = RETRIES_MS[attempt]
        const last = wait === undefined || signal.aborted || failure?.kind === 'refused'
        this.#deps.logger.warn({ ...about, attempt, last, err: error }, 'notice not sent')
        if (failure?.kind === 'refused' && failure.noSuchAddress) await this.#refused(item)
        if (last) return
        await pause(wait, signal)
      }
    }
  }

  /** Codes were asked for, and are limited where that is done. */
  async #mayGo({ userId, to, notice }: Item): Promise<boolean> {
    if (to.kind !== 'email' || notice.kind === 'code') return true
    try {
      return await this.#deps.ledger.admit(userId, this.#deps.clock.now())
    } catch (error) {
      this.#deps.logger.warn({ userId, err: error }, 'mails are not counted')
      return true
    }
  }

  async #refused({ userId, to }: Item): Promise<void> {
    if (to.kind !== 'email') return
    try {
      await this.#deps.ledger.refused(userId, to.value, this.#deps.clock.now())
    } catch (error) {
      this.#deps.logger.warn({ userId, err: error }, 'a refused address is not counted')
    }
  }
}
