import type { ReadElsewhere } from '../../domain/event.ts'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { EventSink, ShownStore } from './ports.ts'

export interface ReadNoticesDeps {
  shown: ShownStore
  events: EventSink
  clock: Clock
}

export interface ReadMove {
  conversationId: ConversationId
  userId: UserId
  readSeq: Seq
}

const AT_ONCE = 500
/** Members waiting to be looked at; beyond it the oldest are let go: a badge stays, until the next push. */
const WAITING_MAX = 50_000

/**
 * Tells the devices that show a notification that it was read on another. What moves within a pause counts
 * once, and only who was pushed to is asked about further, so that reading costs next to nothing.
 */
export class ReadNotices {
  readonly #deps: ReadNoticesDeps
  readonly #waiting = new Map<string, ReadMove>()

  constructor(deps: ReadNoticesDeps) {
    this.#deps = deps
  }

  moved(move: ReadMove): void {
    const key = `${move.conversationId}${move.userId}`
    const known = this.#waiting.get(key)
    if (known && known.readSeq >= move.readSeq) return
    if (!known && this.#waiting.size >= WAITING_MAX) {
      const [oldest] = this.#waiting.keys()
      if (oldest !== undefined) this.#waiting.delete(oldest)
    }
    this.#waiting.set(key, move)
  }

  /** A bounded piece; true when there is more. @throws DomainError dependency_unavailable: nothing is lost. */
  async step(): Promise<boolean> {
    const moves = [...this.#waiting].slice(0, AT_ONCE)
    if (moves.length === 0) return false
    const { shown, events, clock } = this.#deps
    const found = await shown.readUpTo(moves.map(([, move]) => move))
    const at = new Date(clock.now()).toISOString()
    if (found.length > 0) await events.publish(found.map((read) => eventOf(read, at)))
    // Published first: told twice is told once, as the event's id is the same.
    await shown.forget(found)
    for (const [key, move] of moves) if (this.#waiting.get(key) === move) this.#waiting.delete(key)
    return this.#waiting.size > 0
  }
}

function eventOf(
  { conversationId, userId, seq }: { conversationId: ConversationId; userId: UserId; seq: Seq },
  at: string,
): ReadElsewhere {
  return { id: `${conversationId}:read:${userId}:${seq}`, kind: 'read', conversationId, userId, seq, at }
}
