import type pg from 'pg'
import type { Authenticator } from '../../internal/api/authenticator.ts'
import { authRoutes } from '../../internal/api/http/auth.ts'
import { keyRoutes } from '../../internal/api/http/keys.ts'
import type { Route } from '../../internal/api/http/route.ts'
import { sessionRoutes } from '../../internal/api/http/session.ts'
import { userRoutes } from '../../internal/api/http/user.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import { PostgresAuditTrail } from '../../internal/repository/postgres/audit.ts'
import { PostgresAccounts } from '../../internal/repository/postgres/auth.ts'
import { PostgresSessions } from '../../internal/repository/postgres/session.ts'
import { PostgresSigningKeys } from '../../internal/repository/postgres/signing-key.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUsers } from '../../internal/repository/postgres/user.ts'
import { AccessTokens } from '../../internal/service/auth/access-token.ts'
import { Argon2Hasher } from '../../internal/service/auth/argon2.ts'
import { AuthService } from '../../internal/service/auth/auth.ts'
import { TokenAuthenticator } from '../../internal/service/auth/authenticate.ts'
import { KeyRing } from '../../internal/service/auth/key-ring.ts'
import { Secrets } from '../../internal/service/auth/secrets.ts'
import type { RateLimiter } from '../../internal/service/limit/ports.ts'
import { SessionGate } from '../../internal/service/session/gate.ts'
import type { SessionCache, SessionEvents } from '../../internal/service/session/ports.ts'
import { SessionService } from '../../internal/service/session/sessions.ts'
import { UserService } from '../../internal/service/user/users.ts'

export interface IdentityOptions {
  pool: pg.Pool
  clock: Clock
  secretKey: string
  publicUrl: string
  accessTtlMs: number
  refreshTtlMs: number
  /** Redis or in process, as the limiter. */
  cache: SessionCache
  limiter: RateLimiter
  events: SessionEvents
}

export interface Identity {
  authenticator: Authenticator
  auth: AuthService
  sessions: SessionService
  users: UserService
  keys: KeyRing
  routes: Route[]
}

/** People, sessions and access over one pool: what the API, standalone and the tests all run. */
export function composeIdentity(options: IdentityOptions): Identity {
  const { clock, limiter, accessTtlMs } = options
  const sql = new Sql(options.pool)
  const secrets = new Secrets(options.secretKey)
  const audit = new PostgresAuditTrail(sql, secrets.derive('audit'), clock)
  const stored = new PostgresSessions(sql)
  const profiles = new PostgresUsers(sql)
  const keys = new KeyRing({ repository: new PostgresSigningKeys(sql), secrets, clock, accessTtlMs })
  const tokens = new AccessTokens({ keys, clock, issuer: options.publicUrl, ttlMs: accessTtlMs })
  const gate = new SessionGate({ load: (id) => stored.state(id), shared: options.cache, clock })
  const sessions = new SessionService({
    repository: stored,
    gate,
    events: options.events,
    audit,
    clock,
    refreshKey: secrets.derive('refresh-token'),
    refreshTtlMs: options.refreshTtlMs,
  })
  const users = new UserService(profiles)
  const auth = new AuthService({
    accounts: new PostgresAccounts(sql),
    users: profiles,
    sessions,
    tokens,
    hasher: new Argon2Hasher(),
    limiter,
    audit,
    clock,
    knowsAddress: (userId, address) => stored.knowsAddress(userId, address),
  })
  return {
    authenticator: new TokenAuthenticator(tokens, gate),
    auth,
    sessions,
    users,
    keys,
    routes: [...authRoutes(auth), ...sessionRoutes(sessions), ...userRoutes(users), ...keyRoutes(keys)],
  }
}
