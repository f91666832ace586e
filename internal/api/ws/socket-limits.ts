import { DomainError } from '../../domain/errors.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Load } from '../../platform/load.ts'
import { TokenBuckets } from '../../platform/token-buckets.ts'
import { addressKey } from '../client-address.ts'
import { type Refusal, refusalOf } from '../problem.ts'

/** Joins and pushes of a user on this node. */
export const PUSHES = { burst: 300, perSecond: 20 }
/** Upgrades tried from one address: refusing must be cheap, as published clients come again for ever. */
export const UPGRADES = { burst: 1000, perSecond: 50 }
export const SOCKETS_PER_USER = 100
export const SOCKETS_PER_ADDRESS = 1000

/** The one push that costs more to look at than to refuse while too many wait. */
const SEND = 'message:send'
const SENDS_WAIT = refusalOf(
  new DomainError('overloaded', 'Too many sends are waiting.', { retryAfterMs: 1000 }),
)

/**
 * How much may come over sockets, per node, and what is turned away while the node has too much to do. In process and
 * not in Redis, because a push is let in or refused before the next one is looked at: their order is promised.
 */
export class SocketLimits {
  /** As the socket server takes them; 0 is none. */
  readonly sockets: { socketsPerKey: number; socketsPerAddress: number }
  readonly #load: Pick<Load, 'refusesNewcomers' | 'refusesWork'>
  readonly #sends: { readonly isFull: boolean }
  readonly #pushes: TokenBuckets
  readonly #upgrades: TokenBuckets

  /**
   * @param scale RATE_LIMIT_SCALE.
   * @param sends whether a send would be refused anyway, once it had been looked at.
   */
  constructor(
    clock: Clock,
    scale: number,
    load: Pick<Load, 'refusesNewcomers' | 'refusesWork'>,
    sends: { readonly isFull: boolean },
  ) {
    this.#load = load
    this.#sends = sends
    this.sockets = {
      socketsPerKey: Math.ceil(SOCKETS_PER_USER * scale),
      socketsPerAddress: Math.ceil(SOCKETS_PER_ADDRESS * scale),
    }
    this.#pushes = new TokenBuckets({ clock, scale, ...PUSHES })
    this.#upgrades = new TokenBuckets({ clock, scale, ...UPGRADES })
  }

  /** The refusal of a push or join; null lets it in. */
  push(userId: UserId, event: string): Refusal | null {
    const overloadedMs = this.#load.refusesWork()
    if (overloadedMs !== null) {
      const details = { retryAfterMs: overloadedMs }
      return refusalOf(new DomainError('overloaded', 'This node has more to do than it can.', details))
    }
    const retryAfterMs = this.#pushes.take(userId)
    if (retryAfterMs === 0) return event === SEND && this.#sends.isFull ? SENDS_WAIT : null
    return refusalOf(new DomainError('rate_limited', 'Too many pushes; slow down.', { retryAfterMs }))
  }

  /** Why an upgrade from this address is refused before anything is looked at; null lets it in. */
  upgrade(address: string): { code: 'overloaded' | 'rate_limited'; retryAfterMs: number } | null {
    const overloadedMs = this.#load.refusesNewcomers()
    if (overloadedMs !== null) return { code: 'overloaded', retryAfterMs: overloadedMs }
    const retryAfterMs = this.#upgrades.take(addressKey(address))
    return retryAfterMs === 0 ? null : { code: 'rate_limited', retryAfterMs: Math.ceil(retryAfterMs) }
  }
}
