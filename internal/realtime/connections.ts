import type { SocketConnection } from './connection.ts'

const NONE: ReadonlySet<never> = new Set<never>()

/** The open sockets of this node, by who they belong to and by where they come from. */
export class ConnectionIndex<Actor> {
  readonly all = new Set<SocketConnection<Actor>>()
  readonly #byKey = new Map<string, Set<SocketConnection<Actor>>>()
  /** Seats taken, from the moment an upgrade asks for one until its socket is gone. */
  readonly #seatsByAddress = new Map<string, number>()
  readonly #seatsByKey = new Map<string, number>()
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
    this.releaseKey(connection.actor)
    this.releaseAddress(connection.address)
  }

  /** The sockets of one actor key (a user, say). */
  of(key: string): ReadonlySet<SocketConnection<Actor>> {
    return this.#byKey.get(key) ?? NONE
  }

  /** Counts an upgrade from the moment it begins, so that a burst cannot pass the limit together. */
  holdAddress(address: string, limit: number): boolean {
    return hold(this.#seatsByAddress, address, limit)
  }

  releaseAddress(address: string): void {
    release(this.#seatsByAddress, address)
  }

  /** The same for whom it turned out to be. */
  holdKey(actor: Actor, limit: number): boolean {
    return hold(this.#seatsByKey, this.#keyOf(actor), limit)
  }

  releaseKey(actor: Actor): void {
    release(this.#seatsByKey, this.#keyOf(actor))
  }
}

function hold(seats: Map<string, number>, name: string, limit: number): boolean {
  const held = seats.get(name) ?? 0
  if (limit > 0 && held >= limit) return false
  seats.set(name, held + 1)
  return true
}

function release(seats: Map<string, number>, name: string): void {
  const held = (seats.get(name) ?? 0) - 1
  if (held > 0) seats.set(name, held)
  else seats.delete(name)
}
