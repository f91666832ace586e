import { setTimeout as pause } from 'node:timers/promises'
import type { UserId } from '../../domain/ids.ts'
import { PRESENCE_RENEW_MS, type PresenceStore } from './ports.ts'

export interface PresenceOptions {
  store: PresenceStore
  /** This process's own name, never used before: a restarted process is another node. */
  node: string
  onError(error: unknown): void
  /** The user came online, or went offline, as far as this node was the one to notice. */
  onOnline?(userId: UserId): void
  onOffline?(userId: UserId): void
  renewMs?: number
}

/** Counts this node's sockets per user, and keeps the store told; a Component. */
export class Presence {
  readonly name = 'presence'
  readonly #options: PresenceOptions
  readonly #sockets = new Map<UserId, number>()
  /** Users the store knows to be here. */
  readonly #known = new Set<UserId>()
  readonly #telling = new Map<UserId, Promise<void>>()

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  /** A socket of the user was opened. Resolves when the store knows, or cannot be told for the moment. */
  connected(userId: UserId): Promise<void> {
    this.#sockets.set(userId, (this.#sockets.get(userId) ?? 0) + 1)
    return this.#tell(userId)
  }

  disconnected(userId: UserId): Promise<void> {
    const left = (this.#sockets.get(userId) ?? 0) - 1
    if (left > 0) this.#sockets.set(userId, left)
    else this.#sockets.delete(userId)
    return this.#tell(userId)
  }

  /** Those online anywhere; without the store, those online here. */
  async isOnline(userIds: readonly UserId[]): Promise<Set<UserId>> {
    const here = userIds.filter((userId) => this.#sockets.has(userId))
    try {
      const anywhere = await this.#options.store.isOnline(userIds)
      for (const userId of here) anywhere.add(userId)
      return anywhere
    } catch (error) {
      this.#options.onError(error)
      return new Set(here)
    }
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { store, node, onError, renewMs = PRESENCE_RENEW_MS } = this.#options
    await this.#renew().catch(onError)
    ready()
    while (!signal.aborted) {
      await pause(renewMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.#renew().catch(onError)
    }
    await Promise.all(this.#telling.values())
    await store.retire(node).catch(onError)
  }

  /** Prolongs the lease, tells what the store has lost or could not be told, and buries dead nodes. */
  async #renew(): Promise<void> {
    const { store, node, onOffline } = this.#options
    if (!(await store.renew(node))) this.#known.clear()
    for (const userId of new Set([...this.#sockets.keys(), ...this.#known])) await this.#tell(userId)
    for (const userId of await store.expire()) onOffline?.(userId)
  }

  /** One at a time for each user, until the store agrees with the count: flapping cannot end up reversed. */
  #tell(userId: UserId): Promise<void> {
    const under = this.#telling.get(userId)
    if (under !== undefined) return under
    if (this.#agrees(userId)) return Promise.resolve()
    const telling = this.#reconcile(userId).catch(this.#options.onError)
    this.#telling.set(userId, telling)
    return telling
  }

  #agrees(userId: UserId): boolean {
    return this.#sockets.has(userId) === this.#known.has(userId)
  }

  async #reconcile(userId: UserId): Promise<void> {
    try {
      while (!this.#agrees(userId)) await this.#tellOnce(userId)
    } finally {
      // In the tick of the last look, so that no change falls in between.
      this.#telling.delete(userId)
    }
  }

  async #tellOnce(userId: UserId): Promise<void> {
    const { store, node, onOnline, onOffline } = this.#options
    if (this.#sockets.has(userId)) {
      const cameOnline = await store.connect(userId, node)
      this.#known.add(userId)
      if (cameOnline) onOnline?.(userId)
    } else {
      const wentOffline = await store.disconnect(userId, node)
      this.#known.delete(userId)
      if (wentOffline) onOffline?.(userId)
    }
  }
}
