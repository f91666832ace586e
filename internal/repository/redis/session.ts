import { isUuid, type SessionId, type UserId } from '../../domain/ids.ts'
import type { SessionCache, SessionState } from '../../service/session/ports.ts'
import type { RedisClient } from './client.ts'

/** SessionCache on Redis; a failure of Redis is a miss. */
export class RedisSessionCache implements SessionCache {
  readonly #redis: RedisClient
  readonly #prefix: string
  readonly #onFailure: (error: unknown) => void

  /** @param onFailure told of each failure, for a metric or the log. */
  constructor(redis: RedisClient, prefix: string, onFailure: (error: unknown) => void) {
    this.#redis = redis
    this.#prefix = `${prefix}session:`
    this.#onFailure = onFailure
  }

  async get(id: SessionId): Promise<SessionState | null> {
    const text = await this.#attempt(() => this.#redis.get(this.#prefix + id))
    return text ? decode(text) : null
  }

  async put(id: SessionId, state: SessionState, ttlMs: number): Promise<void> {
    await this.#attempt(() => this.#redis.set(this.#prefix + id, encode(state), 'PX', Math.ceil(ttlMs)))
  }

  async forget(ids: readonly SessionId[]): Promise<void> {
    // One by one: in a cluster the keys live on different nodes.
    await this.#attempt(() => Promise.all(ids.map((id) => this.#redis.del(this.#prefix + id))))
  }

  async #attempt<T>(command: () => Promise<T>): Promise<T | null> {
    try {
      return await command()
    } catch (error) {
      this.#onFailure(error)
      return null
    }
  }
}

const STATUSES = ['active', 'suspended', 'deleted'] as const

function encode({ userId, role, status, ended }: SessionState): string {
  return [userId, role, status, ended ? '1' : '0'].join(' ')
}

function decode(text: string): SessionState | null {
  const [userId = '', role, status, ended] = text.split(' ')
  const known = STATUSES.find((name) => name === status)
  if (!isUuid<UserId>(userId) || known === undefined || (role !== 'user' && role !== 'admin')) return null
  return { userId, role, status: known, ended: ended === '1' }
}
