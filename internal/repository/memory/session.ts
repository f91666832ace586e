import type { SessionId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { SessionCache, SessionState } from '../../service/session/ports.ts'

const ENTRIES_MAX = 50_000

/** SessionCache of one process: the oldest entries go first when it is full. */
export class MemorySessionCache implements SessionCache {
  readonly #clock: Clock
  readonly #entries = new Map<SessionId, { state: SessionState; until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async get(id: SessionId): Promise<SessionState | null> {
    const entry = this.#entries.get(id)
    if (!entry) return null
    if (entry.until > this.#clock.now()) return entry.state
    this.#entries.delete(id)
    return null
  }

  async put(id: SessionId, state: SessionState, ttlMs: number): Promise<void> {
    this.#entries.delete(id)
    this.#entries.set(id, { state, until: this.#clock.now() + ttlMs })
    if (this.#entries.size <= ENTRIES_MAX) return
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  async forget(ids: readonly SessionId[]): Promise<void> {
    for (const id of ids) this.#entries.delete(id)
  }
}
