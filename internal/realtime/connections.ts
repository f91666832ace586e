import type { SocketConnection } from './connection.ts'

const NONE: ReadonlySet<never> = new Set<never>()

/** The open sockets of this node, by who they belong to and by where they come from. */
export class ConnectionIndex<Actor> {
  readonly all = new Set<SocketConnection<Actor>>()
  readonly #byKey = new Map<string, Set<SocketConnection<Actor>>>()
  readonly #byAddress = new Map<string, number>()
  readonly #keyOf: (actor: Actor) => string

  constructor(keyOf: (actor: Actor) => string) {
    this.#keyOf = keyOf
  }

  add(connection: SocketConnection<Actor>): void {
    this.all.add(connection)
    const key = this.#keyOf(connection.actor)
    const own = this.#byKey.get(key)
    if (own) own.add(connection)
    else this.#byKey.set(key, new Set([connection]))
  }

  remove(connection: SocketConnection<Actor>): void {
    if (!this.all.delete(connection)) return
    const key = this.#keyOf(connection.actor)
    const own = this.#byKey.get(key)
    own?.delete(connection)
    if (own?.size === 0) this.#byKey.delete(key)
    this.releaseAddress(connection.address)
  }

  /** The sockets of one actor key (a user, say). */
  of(key: string): ReadonlySet<SocketConnection<Actor>> {
    return this.#byKey.get(key) ?? NONE
  }

  /** Counts an upgrade from the moment it begins, so that a burst cannot pass the limit together. */
  holdAddress(address: string, limit: number): boolean {
    const held = this.#byAddress.get(address) ?? 0
    if (limit > 0 && held >= limit) return false
    this.#byAddress.set(address, held + 1)
    return true
  }

  releaseAddress(address: string): void {
    const held = (this.#byAddress.get(address) ?? 0) - 1
    if (held > 0) this.#byAddress.set(address, held)
    else this.#byAddress.delete(address)
  }
}
