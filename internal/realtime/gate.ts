import type { IncomingMessage } from 'node:http'
import type { SerializerVersion } from './codec.ts'
import type { ConnectionIndex } from './connections.ts'
import type { RealtimeServerOptions, SocketLimits } from './server-options.ts'
import { refuseWith } from './upgrade-refusal.ts'
import { readUpgrade, type UpgradeRequest } from './upgrade-request.ts'

export interface Admission<Actor> {
  actor: Actor
  version: SerializerVersion
  address: string
  subprotocol: 'phoenix' | null
}

/** A seat taken by an upgrade in progress; `actors` it must not be are collected while it waits. */
interface Pending<Actor> {
  vetoes: ((actor: Actor) => boolean)[]
}

/** Everything that is decided before a socket is accepted, cheapest first. */
export class UpgradeGate<Actor> {
  isDraining = false
  readonly #options: RealtimeServerOptions<Actor>
  readonly #limits: SocketLimits
  readonly #index: ConnectionIndex<Actor>
  readonly #pending = new Set<Pending<Actor>>()

  constructor(options: RealtimeServerOptions<Actor>, limits: SocketLimits, index: ConnectionIndex<Actor>) {
    this.#options = options
    this.#limits = limits
    this.#index = index
  }

  /** Sessions that end while their upgrade is under way are refused by it. */
  veto(predicate: (actor: Actor) => boolean): void {
    for (const pending of this.#pending) pending.vetoes.push(predicate)
  }

  /**
   * Answers who comes in and holds a seat for its address and one for its key.
   * @throws what `authenticate` throws, and RefusalError; the seats are given back then.
   */
  async admit(request: IncomingMessage): Promise<Admission<Actor>> {
    const address = this.#options.addressOf(request)
    const asked = this.#checkRequest(request, address)
    if (!this.#index.holdAddress(address, this.#limits.socketsPerAddress)) {
      refuseWith('rate_limited', 'Too many sockets from this address.', 30_000)
    }
    const pending: Pending<Actor> = { vetoes: [] }
    this.#pending.add(pending)
    try {
      const actor = await this.#options.authenticate(asked.token, request)
      if (pending.vetoes.some((vetoes) => vetoes(actor))) refuseWith('forbidden', 'The session has ended.')
      this.#refuseWhileDraining()
      if (!this.#index.holdKey(actor, this.#limits.socketsPerKey)) {
        refuseWith('rate_limited', 'Too many sockets of this user.', 30_000)
      }
      return { actor, version: asked.version, address, subprotocol: asked.subprotocol }
    } catch (error) {
      this.#index.releaseAddress(address)
      throw error
    } finally {
      this.#pending.delete(pending)
    }
  }

  #checkRequest(request: IncomingMessage, address: string) {
    const { path, version, token, origin, subprotocol }: UpgradeRequest = readUpgrade(request)
    if (path !== (this.#options.path ?? '/socket/websocket'))
      refuseWith('not_found', 'There is no socket here.')
    this.#refuseWhileDraining()
    const shed = this.#options.shed?.(address)
    if (shed) refuseWith(shed.code, 'Come again later.', shed.retryAfterMs)
    if (version === null) refuseWith('forbidden', 'This protocol version is not spoken here; use 2.0.0.')
    if (origin !== null && !this.#options.allowOrigin(origin, request)) {
      refuseWith('forbidden', 'This origin is not allowed.')
    }
    if (!token) refuseWith('unauthenticated', 'A token is needed, and this is none.')
    return { version, token, subprotocol }
  }

  #refuseWhileDraining(): void {
    if (this.isDraining) refuseWith('overloaded', 'This node is draining.', this.#limits.drainMs)
  }
}
