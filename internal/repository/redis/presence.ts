import { unavailable } from '../../domain/errors.ts'
import { isUuid, type UserId } from '../../domain/ids.ts'
import { systemClock } from '../../platform/clock.ts'
import { PRESENCE_LEASE_MS, type PresenceStore } from '../../service/presence/ports.ts'
import { Breaker } from './breaker.ts'
import type { RedisClient } from './client.ts'

/** Leases are kept in Redis's own time, so that the nodes' clocks need not agree. */
const NOW = `local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)`
const RENEW = `${NOW}
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return (ends and tonumber(ends) > now) and 1 or 0`
const ALIVE = `${NOW} return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')`
const DEAD = `${NOW} return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)`
const REMOVE_DEAD = `${NOW}
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and tonumber(ends) <= now then redis.call('ZREM', KEYS[1], ARGV[1]) end
return 1`

/** Users of a dead node looked at in one round trip. */
const PAGE = 500

/**
 * PresenceStore on Redis: `nodes` (node by the end of its lease), `user:<id>` (the nodes a user is on) and
 * `node:<node>` (its users, for whoever buries it). Every command is about one key, as a cluster demands.
 */
export class RedisPresenceStore implements PresenceStore {
  readonly #redis: RedisClient
  readonly #prefix: string
  readonly #leaseMs: number
  readonly #breaker = new Breaker({ clock: systemClock })

  constructor(redis: RedisClient, prefix: string, leaseMs = PRESENCE_LEASE_MS) {
    this.#redis = redis
    this.#prefix = `${prefix}presence:`
    this.#leaseMs = leaseMs
  }

  connect(userId: UserId, node: string): Promise<boolean> {
    return this.#attempt(async () => {
      const [alive] = await Promise.all([this.#alive(), this.#redis.sadd(this.#nodeKey(node), userId)])
      const key = this.#userKey(userId)
      const replies = await this.#redis.multi().smembers(key).sadd(key, node).exec()
      return !strings(replies?.[0]?.[1]).some((other) => alive.has(other))
    })
  }

  disconnect(userId: UserId, node: string): Promise<boolean> {
    return this.#attempt(async () => {
      const [alive] = await Promise.all([this.#alive(), this.#redis.srem(this.#nodeKey(node), userId)])
      return this.#leave(userId, node, alive)
    })
  }

  isOnline(userIds: readonly UserId[]): Promise<Set<UserId>> {
    return this.#attempt(async () => {
      const [alive, ...nodes] = await Promise.all([
        this.#alive(),
        ...userIds.map((userId) => this.#redis.smembers(this.#userKey(userId))),
      ])
      return new Set(userIds.filter((_, index) => nodes[index]?.some((node) => alive.has(node))))
    })
  }

  renew(node: string): Promise<boolean> {
    return this.#attempt(
      async () => (await this.#redis.eval(RENEW, 1, this.#nodesKey, node, this.#leaseMs)) === 1,
    )
  }

  async retire(node: string): Promise<void> {
    await this.#attempt(() => this.#redis.zadd(this.#nodesKey, 'XX', 0, node))
  }

  expire(): Promise<UserId[]> {
    return this.#attempt(async () => {
      const offline: UserId[] = []
      for (const node of strings(await this.#redis.eval(DEAD, 1, this.#nodesKey))) {
        await this.#bury(node, offline)
        await this.#redis.eval(REMOVE_DEAD, 1, this.#nodesKey, node)
      }
      return offline
    })
  }

  async #bury(node: string, offline: UserId[]): Promise<void> {
    for (;;) {
      const page = (await this.#redis.srandmember(this.#nodeKey(node), PAGE)).filter((text) =>
        isUuid<UserId>(text),
      )
      if (page.length === 0) return
      const alive = await this.#alive()
      if (alive.has(node)) return
      const left = await Promise.all(page.map((userId) => this.#leave(userId, node, alive)))
      offline.push(...page.filter((_, index) => left[index]))
      await this.#redis.srem(this.#nodeKey(node), ...page)
    }
  }

  /** Whether taking the node from the user, which one caller alone can do, left none alive. */
  async #leave(userId: UserId, node: string, alive: ReadonlySet<string>): Promise<boolean> {
    const key = this.#userKey(userId)
    const replies = await this.#redis.multi().srem(key, node).smembers(key).exec()
    const removed = replies?.[0]?.[1] === 1
    return removed && !strings(replies?.[1]?.[1]).some((other) => alive.has(other))
  }

  async #alive(): Promise<Set<string>> {
    return new Set(strings(await this.#redis.eval(ALIVE, 1, this.#nodesKey)))
  }

  async #attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#breaker.call(work)
    } catch (error) {
      throw unavailable('Redis', error)
    }
  }

  get #nodesKey(): string {
    return `${this.#prefix}nodes`
  }

  #nodeKey(node: string): string {
    return `${this.#prefix}node:${node}`
  }

  #userKey(userId: UserId): string {
    return `${this.#prefix}user:${userId}`
  }
}

function strings(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.filter((one) => typeof one === 'string') : []
}
