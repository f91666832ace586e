import type { UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import { PRESENCE_LEASE_MS, type PresenceStore } from '../../service/presence/ports.ts'

/** PresenceStore of one process. */
export class MemoryPresenceStore implements PresenceStore {
  readonly #clock: Clock
  readonly #leaseMs: number
  /** Node → when its lease ends. */
  readonly #leases = new Map<string, number>()
  readonly #nodesOf = new Map<UserId, Set<string>>()

  constructor(clock: Clock, leaseMs = PRESENCE_LEASE_MS) {
    this.#clock = clock
    this.#leaseMs = leaseMs
  }

  async connect(userId: UserId, node: string): Promise<boolean> {
    const nodes = this.#nodesOf.get(userId) ?? new Set()
    const wasOnline = this.#anyAlive(nodes)
    this.#nodesOf.set(userId, nodes.add(node))
    return !wasOnline
  }

  async disconnect(userId: UserId, node: string): Promise<boolean> {
    const nodes = this.#nodesOf.get(userId)
    if (!nodes?.delete(node)) return false
    if (nodes.size === 0) this.#nodesOf.delete(userId)
    return !this.#anyAlive(nodes)
  }

  async isOnline(userIds: readonly UserId[]): Promise<Set<UserId>> {
    return new Set(userIds.filter((userId) => this.#anyAlive(this.#nodesOf.get(userId) ?? [])))
  }

  async renew(node: string): Promise<boolean> {
    const held = this.#isAlive(node)
    this.#leases.set(node, this.#clock.now() + this.#leaseMs)
    return held
  }

  async retire(node: string): Promise<void> {
    if (this.#leases.has(node)) this.#leases.set(node, 0)
  }

  async expire(): Promise<UserId[]> {
    const dead = [...this.#leases.keys()].filter((node) => !this.#isAlive(node))
    const offline: UserId[] = []
    for (const [userId] of dead.length > 0 ? this.#nodesOf : []) {
      for (const node of dead) if (await this.disconnect(userId, node)) offline.push(userId)
    }
    for (const node of dead) this.#leases.delete(node)
    return [...new Set(offline)]
  }

  #isAlive(node: string): boolean {
    return (this.#leases.get(node) ?? 0) > this.#clock.now()
  }

  #anyAlive(nodes: Iterable<string>): boolean {
    for (const node of nodes) if (this.#isAlive(node)) return true
    return false
  }
}
