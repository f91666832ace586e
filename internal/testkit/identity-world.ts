import { randomBytes } from 'node:crypto'
import { afterAll, beforeEach } from '@jest/globals'
import type pg from 'pg'
import type { Authenticator } from '../api/authenticator.ts'
import type { Route } from '../api/http/route.ts'
import type { Clock } from '../platform/clock.ts'
import { createPool } from '../repository/postgres/database.ts'
import type { RedisClient } from '../repository/redis/client.ts'
import { RedisRateLimiter } from '../repository/redis/limit.ts'
import { RedisSessionCache } from '../repository/redis/session.ts'
import type { RateLimiter } from '../service/limit/ports.ts'
import { LOCAL_TTL_MS } from '../service/session/gate.ts'
import type { SessionCache, SessionEvents } from '../service/session/ports.ts'
import type { Courier, Notice } from '../service/verification/ports.ts'
import { type Answer, type HttpNode, serveRoutes } from './http-node.ts'
import { testRedisClient } from './redis-client.ts'
import { testPostgres } from './services.ts'

export const MINUTE = 60_000
export const PASSWORD = 'correct horse'
export const REFRESH_TTL = 30 * 24 * 60 * MINUTE

export interface ComposeOptions {
  pool: pg.Pool
  clock: Clock
  secretKey: string
  publicUrl: string
  accessTtlMs: number
  refreshTtlMs: number
  cache: SessionCache
  limiter: RateLimiter
  events: SessionEvents
  courier: Courier
}

/** Composed by `cmd`, which code in here may not import: tests hand its function in. */
export type Compose<Identity> = (options: ComposeOptions) => Identity

type Served = { authenticator: Authenticator; routes: Route[] }
export type IdentityNode<Identity> = HttpNode & { identity: Identity }

/** Nodes over one database and one Redis, and a clock that the test moves. */
export class IdentityWorld<Identity extends Served> {
  readonly pool: pg.Pool
  readonly redis: RedisClient
  readonly redisPrefix: string
  /** How far the nodes' clock is ahead. */
  skewMs = 0
  readonly clock: Clock = { now: () => Date.now() + this.skewMs }
  /** Sessions that nodes announced as ended. */
  readonly ended: string[] = []
  /** Notices as they were handed over to be sent, newest last. */
  readonly notices: { to: string; notice: Notice }[] = []
  readonly #compose: Compose<Identity>
  readonly #nodes: HttpNode[] = []

  constructor(pool: pg.Pool, redis: RedisClient, redisPrefix: string, compose: Compose<Identity>) {
    this.pool = pool
    this.redis = redis
    this.redisPrefix = redisPrefix
    this.#compose = compose
  }

  async startNode(rateLimitScale = 0): Promise<IdentityNode<Identity>> {
    const { pool, clock, redis, redisPrefix } = this
    const limiter = new RedisRateLimiter(redis, redisPrefix, rateLimitScale)
    const identity = this.#compose({
      pool,
      clock,
      limiter,
      secretKey: 'a test key of thirty-two characters',
      publicUrl: 'http://chat.example',
      accessTtlMs: 15 * MINUTE,
      refreshTtlMs: REFRESH_TTL,
      cache: new RedisSessionCache(redis, redisPrefix, (error) => {
        throw error
      }),
      courier: { send: (_userId, to, notice) => this.notices.push({ to: to.value, notice }) },
      events: { sessionsEnded: (ids) => this.ended.push(...ids) },
    })
    const served = await serveRoutes({ ...identity, limiter, clock })
    this.#nodes.push(served)
    return { identity, ...served }
  }

  /** The code last sent to an address; empty when none was. */
  codeFor(address: string): string {
    const sent = this.notices.findLast(({ to, notice }) => to === address && notice.kind === 'code')
    return sent?.notice.kind === 'code' ? sent.notice.code : ''
  }

  /** Lets both caches of sessions forget: the holder of an ended one is told within a second. */
  async forgetSessions(): Promise<void> {
    this.skewMs += LOCAL_TTL_MS
    const keys = await this.redis.keys(`${this.redisPrefix}session:*`)
    if (keys.length > 0) await this.redis.del(...keys)
  }

  /** Rows of the audit log. */
  async audited(action: string, actorId: string): Promise<number> {
    const { rows } = await this.pool.query('select 1 from audit_log where action = $1 and actor_id = $2', [
      action,
      actorId,
    ])
    return rows.length
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) await node.close()
    await this.pool.end()
  }
}

/** A world of this test file's own, its clock right before each test. To be awaited at the top of the file. */
export async function identityWorld<Identity extends Served>(
  compose: Compose<Identity>,
): Promise<IdentityWorld<Identity>> {
  const pool = createPool({ url: (await testPostgres()).url, max: 10, applicationName: 'test' })
  const { redis, prefix } = await testRedisClient()
  const world = new IdentityWorld(pool, redis, prefix, compose)
  beforeEach(() => {
    world.skewMs = 0
  })
  afterAll(() => world.close())
  return world
}

export const uniqueName = () => `u${randomBytes(5).toString('hex')}`

/** Registers somebody new and answers what they were told. */
export async function register(node: HttpNode, over: Record<string, unknown> = {}): Promise<Answer['body']> {
  const body = { username: uniqueName(), password: PASSWORD, ...over }
  const answer = await node.call('POST', '/auth/register', { body })
  if (answer.status !== 201) throw new Error(`not registered: ${JSON.stringify(answer.body)}`)
  return answer.body
}

export const login = (
  node: HttpNode,
  identifier: string,
  password = PASSWORD,
  headers: Record<string, string> = {},
): Promise<Answer> => node.call('POST', '/auth/login', { body: { identifier, password }, headers })

export const refresh = (node: HttpNode, refreshToken: string): Promise<Answer> =>
  node.call('POST', '/auth/refresh', { body: { refreshToken } })

export const me = (node: HttpNode, token: string): Promise<Answer> => node.call('GET', '/users/me', { token })
