import type { SessionId } from '../../domain/ids.ts'
import { type Component, pause } from '../../platform/lifecycle.ts'
import type { SessionService } from '../../service/session/sessions.ts'

const EVERY_MS = 500
/** Expiring leaves no trace to ask for, so the sessions of all open sockets are looked at. */
const LAPSES_EVERY_MS = 30_000
/** Looked at again each time: clocks of nodes differ, and a transaction may commit after a later one. */
const OVERLAP_MS = 5000

export interface SessionEndsDeps {
  sessions: SessionService
  /** Whose sockets are open at this node; more than once is no matter. */
  open(): Iterable<SessionId>
  /** Closes the sockets of sessions that ended; called at least once for each, on every node. */
  close(ids: readonly SessionId[]): void
  onError(error: unknown): void
  now(): number
  lapsesEveryMs?: number
}

/**
 * Asks the database which sessions ended, so that their sockets close within a second without Redis, too; and
 * less often which have run out.
 */
export class SessionEnds implements Component {
  readonly name = 'session-ends'
  readonly #deps: SessionEndsDeps

  constructor(deps: SessionEndsDeps) {
    this.#deps = deps
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    ready()
    await Promise.all([this.#watchEnds(signal), this.#watchLapses(signal)])
  }

  async #watchEnds(signal: AbortSignal): Promise<void> {
    let since = this.#deps.now()
    while (!signal.aborted) {
      since = await this.#look(since)
      await pause(EVERY_MS, signal)
    }
  }

  async #watchLapses(signal: AbortSignal): Promise<void> {
    const { sessions, open, close, onError, lapsesEveryMs = LAPSES_EVERY_MS } = this.#deps
    while (!signal.aborted) {
      await pause(lapsesEveryMs, signal)
      try {
        const lapsed = await sessions.lapsed([...new Set(open())])
        if (lapsed.length > 0) close(lapsed)
      } catch (error) {
        onError(error)
      }
    }
  }

  /** Where the next look begins; where this one did when the database could not be asked. */
  async #look(since: number): Promise<number> {
    try {
      const { ids, upTo } = await this.#deps.sessions.endedSince(new Date(since - OVERLAP_MS))
      if (ids.length > 0) this.#deps.close(ids)
      return Math.max(since, upTo.getTime())
    } catch (error) {
      this.#deps.onError(error)
      return since
    }
  }
}
