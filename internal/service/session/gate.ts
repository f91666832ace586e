import type { SessionId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { SessionCache, SessionState } from './ports.ts'

/** How long each of the two caches may be behind; their sum is under the second SPEC.md promises. */
export const LOCAL_TTL_MS = 300
export const SHARED_TTL_MS = 500

const LOCAL_MAX = 50_000

export interface GateDeps {
  /** The truth. */
  load(id: SessionId): Promise<SessionState | null>
  shared: SessionCache
  clock: Clock
}

/**
 * Says whether a session still lives, on every request: from this process' memory, then the shared cache,
 * then the database. What it says is never older than LOCAL_TTL_MS + SHARED_TTL_MS, whatever became of the
 * shared cache meanwhile.
 */
export class SessionGate {
  readonly #deps: GateDeps
  readonly #local = new Map<SessionId, { state: SessionState | null; until: number }>()
  readonly #asking = new Map<SessionId, Promise<SessionState | null>>()

  constructor(deps: GateDeps) {
    this.#deps = deps
  }

  async state(id: SessionId): Promise<SessionState | null> {
    const entry = this.#local.get(id)
    if (entry && entry.until > this.#deps.clock.now()) return entry.state
    const asking = this.#asking.get(id)
    if (asking !== undefined) return asking
    const asked = this.#ask(id).finally(() => this.#asking.delete(id))
    this.#asking.set(id, asked)
    return asked
  }

  /** Makes this process ask anew; the others follow within the bounds above. */
  async forget(ids: readonly SessionId[]): Promise<void> {
    this.forgetHere(ids)
    await this.#deps.shared.forget(ids)
    // An answer from before may have been on its way.
    this.forgetHere(ids)
  }

  /** For sessions that another process ended, and let the shared cache forget. */
  forgetHere(ids: readonly SessionId[]): void {
    for (const id of ids) this.#local.delete(id)
  }

  async #ask(id: SessionId): Promise<SessionState | null> {
    const { load, shared, clock } = this.#deps
    const cached = await shared.get(id)
    // Counted from before the question, so that a slow answer is not kept for longer.
    const asked = clock.now()
    const state = cached ?? (await load(id))
    if (!cached && state) await shared.put(id, state, SHARED_TTL_MS)
    this.#local.delete(id)
    this.#local.set(id, { state, until: asked + LOCAL_TTL_MS })
    if (this.#local.size > LOCAL_MAX) {
      const [oldest] = this.#local.keys()
      if (oldest !== undefined) this.#local.delete(oldest)
    }
    return state
  }
}
