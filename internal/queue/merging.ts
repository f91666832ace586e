import type { FollowUp, NotifyTask, TaskHandler } from '../notifier/ports.ts'
import { aborted } from '../platform/lifecycle.ts'

export interface MergingOptions {
  handler: TaskHandler
  /** Stores what is left of tasks. */
  keep(followUps: FollowUp[]): Promise<void>
  /** Given to the handler. */
  signal: AbortSignal
  /** Nothing more is begun. */
  ended: AbortSignal
}

interface Waiting {
  tasks: NotifyTask[]
  handled: PromiseWithResolvers<void>
}

/** Tasks of several messages that are handled together at most. */
export const MERGED_MAX = 500
/** Handlings at once: of what came together, and of what stays alone, so that neither stops the other. */
const TOGETHER_MAX = 4
const ALONE_MAX = 8
/** While another is under way, a handling begins at the latest so long after its first message came. */
const GATHER_MS = 50

/**
 * Hands the tasks of messages that wait at the same time to the handler together: deciding, claiming and
 * sending cost by the call far more than by the event. A message that comes while nothing is under way does
 * not wait; the busier it is, the more go together. What has failed before stays alone, so that it can take
 * nothing with it.
 */
export class Merging {
  readonly #options: MergingOptions
  readonly #together: Waiting[] = []
  readonly #alone: Waiting[] = []
  #togetherRunning = 0
  #aloneRunning = 0
  #begin: NodeJS.Immediate | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(options: MergingOptions) {
    this.#options = options
    void aborted(options.ended).then(() => this.#giveUp())
  }

  /**
   * Resolves once a message's tasks are handled and what is left of them is stored. Rejects when the handler
   * or the store does, for all that were handled together, and at the end for what has not begun.
   */
  add(tasks: NotifyTask[], isAlone: boolean): Promise<void> {
    const { ended } = this.#options
    if (ended.aborted) return Promise.reject(ended.reason)
    const waiting = { tasks, handled: Promise.withResolvers<void>() }
    if (isAlone) {
      this.#alone.push(waiting)
      this.#nextAlone()
    } else {
      this.#together.push(waiting)
      this.#gather()
    }
    return waiting.handled.promise
  }

  /** At once when nothing is under way, but for what arrives in the same turn of the event loop. */
  #gather(): void {
    if (this.#togetherRunning === 0) this.#begin ??= setImmediate(() => this.#nextTogether())
    else if (this.#togetherRunning < TOGETHER_MAX) {
      this.#timer ??= setTimeout(() => this.#nextTogether(), GATHER_MS)
    }
  }

  #nextTogether(): void {
    if (this.#begin) clearImmediate(this.#begin)
    if (this.#timer) clearTimeout(this.#timer)
    this.#begin = null
    this.#timer = null
    if (this.#together.length === 0 || this.#togetherRunning >= TOGETHER_MAX) return
    const group = takeUpTo(this.#together, MERGED_MAX)
    this.#togetherRunning++
    void this.#handle(group).then(() => {
      this.#togetherRunning--
      this.#nextTogether()
    })
    if (this.#together.length > 0) this.#gather()
  }

  #nextAlone(): void {
    while (this.#aloneRunning < ALONE_MAX) {
      const waiting = this.#alone.shift()
      if (!waiting) return
      this.#aloneRunning++
      void this.#handle([waiting]).then(() => {
        this.#aloneRunning--
        this.#nextAlone()
      })
    }
  }

  /** Never rejects. */
  async #handle(group: readonly Waiting[]): Promise<void> {
    const { handler, keep, signal } = this.#options
    try {
      const tasks = group.flatMap((each) => each.tasks)
      await keep(await handler(tasks, signal))
      for (const { handled } of group) handled.resolve()
    } catch (error) {
      for (const { handled } of group) handled.reject(error)
    }
  }

  #giveUp(): void {
    const left = [...this.#together.splice(0), ...this.#alone.splice(0)]
    for (const { handled } of left) handled.reject(this.#options.ended.reason)
  }
}

/** Whole messages, the first in any case. */
function takeUpTo(waiting: Waiting[], max: number): Waiting[] {
  let count = 0
  let tasks = 0
  for (const each of waiting) {
    tasks += each.tasks.length
    if (count > 0 && tasks > max) break
    count++
  }
  return waiting.splice(0, count)
}
