import type { UserId } from '../../domain/ids.ts'
import { PRESENCE_DAMP_MS, type PresenceMembers } from './ports.ts'

export interface PresenceSignal {
  userId: UserId
  isOnline: boolean
  /** RFC 3339 UTC with milliseconds; null of those who hide when they were last seen. */
  at: string | null
}

export interface PresenceSignalsOptions {
  isOnline(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>>
  members: Pick<PresenceMembers, 'seen'>
  tell(signal: PresenceSignal): void
  onError(error: unknown): void
  now(): number
  dampMs?: number
}

/** Tells all nodes who came online or went offline, where this node is the one that noticed. */
export class PresenceSignals {
  readonly #options: PresenceSignalsOptions
  readonly #leaving = new Map<UserId, NodeJS.Timeout>()

  constructor(options: PresenceSignalsOptions) {
    this.#options = options
  }

  online(userId: UserId): void {
    this.#cancel(userId)
    this.#options.tell({ userId, isOnline: true, at: this.#time() })
  }

  offline(userId: UserId): void {
    this.#cancel(userId)
    const at = this.#time()
    const timer = setTimeout(() => {
      this.#leaving.delete(userId)
      this.#left(userId, at).catch(this.#options.onError)
    }, this.#options.dampMs ?? PRESENCE_DAMP_MS).unref()
    this.#leaving.set(userId, timer)
  }

  /** Whoever is about to be told of is told of now: the node goes. */
  async drained(): Promise<void> {
    const leaving = [...this.#leaving.keys()]
    for (const userId of leaving) this.#cancel(userId)
    await Promise.all(leaving.map((userId) => this.#left(userId, this.#time()).catch(this.#options.onError)))
  }

  async #left(userId: UserId, at: string): Promise<void> {
    const { isOnline, members, tell } = this.#options
    // They may have come back by another node.
    if ((await isOnline([userId])).has(userId)) return
    const isHidden = await members.seen(userId, at)
    tell({ userId, isOnline: false, at: isHidden ? null : at })
  }

  #cancel(userId: UserId): void {
    clearTimeout(this.#leaving.get(userId))
    this.#leaving.delete(userId)
  }

  #time(): string {
    return new Date(this.#options.now()).toISOString()
  }
}
