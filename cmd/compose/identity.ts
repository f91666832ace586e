import type pg from 'pg'
import type { Authenticator } from '../../internal/api/authenticator.ts'
import { authRoutes } from '../../internal/api/http/auth.ts'
import { blockRoutes } from '../../internal/api/http/block.ts'
import { keyRoutes } from '../../internal/api/http/keys.ts'
import { personalTokenRoutes } from '../../internal/api/http/personal-token.ts'
import type { Route } from '../../internal/api/http/route.ts'
import { sessionRoutes } from '../../internal/api/http/session.ts'
import { totpRoutes } from '../../internal/api/http/totp.ts'
import { userRoutes } from '../../internal/api/http/user.ts'
import { verificationRoutes } from '../../internal/api/http/verification.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import { PostgresAuditTrail } from '../../internal/repository/postgres/audit.ts'
import { PostgresAccounts } from '../../internal/repository/postgres/auth.ts'
import { PostgresBlocks } from '../../internal/repository/postgres/block.ts'
import { PostgresPersonalTokens } from '../../internal/repository/postgres/personal-token.ts'
import { PostgresSecondFactors } from '../../internal/repository/postgres/second-factor.ts'
import { PostgresSessions } from '../../internal/repository/postgres/session.ts'
import { PostgresSigningKeys } from '../../internal/repository/postgres/signing-key.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUsers } from '../../internal/repository/postgres/user.ts'
import { PostgresCodes } from '../../internal/repository/postgres/verification.ts'
import { AccessTokens } from '../../internal/service/auth/access-token.ts'
import { Argon2Hasher } from '../../internal/service/auth/argon2.ts'
import { AuthService } from '../../internal/service/auth/auth.ts'
import { TokenAuthenticator } from '../../internal/service/auth/authenticate.ts'
import { CodeSignIn } from '../../internal/service/auth/code-sign-in.ts'
import { KeyRing } from '../../internal/service/auth/key-ring.ts'
import { PasswordService } from '../../internal/service/auth/passwords.ts'
import { SecondFactor } from '../../internal/service/auth/second-factor.ts'
import { Secrets } from '../../internal/service/auth/secrets.ts'
import { SignIn } from '../../internal/service/auth/sign-in.ts'
import { BlockService } from '../../internal/service/block/blocks.ts'
import type { RateLimiter } from '../../internal/service/limit/ports.ts'
import { SessionGate } from '../../internal/service/session/gate.ts'
import type { SessionCache, SessionEvents } from '../../internal/service/session/ports.ts'
import { SessionService } from '../../internal/service/session/sessions.ts'
import { PersonalTokens } from '../../internal/service/token/personal-tokens.ts'
import { UserService } from '../../internal/service/user/users.ts'
import { OneTimeCodes } from '../../internal/service/verification/codes.ts'
import type { Courier } from '../../internal/service/verification/ports.ts'

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
  /** Sends codes and warnings to addresses. */
  courier: Courier
}

export interface Identity {
  authenticator: Authenticator
  auth: AuthService
  sessions: SessionService
  users: UserService
  keys: KeyRing
  blocks: BlockService
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
  const secondFactor = new SecondFactor({
    repository: new PostgresSecondFactors(sql),
    secrets,
    limiter,
    audit,
    clock,
  })
  const signIn = new SignIn({ users: profiles, sessions, tokens, audit })
  const accounts = new PostgresAccounts(sql)
  const hasher = new Argon2Hasher()
  const auth = new AuthService({
    accounts,
    sessions,
    signIn,
    secondFactor,
    hasher,
    limiter,
    audit,
    clock,
    knowsAddress: (userId, address) => stored.knowsAddress(userId, address),
  })
  const personal = new PersonalTokens({
    repository: new PostgresPersonalTokens(sql),
    events: options.events,
    audit,
    clock,
  })
  const blocks = new BlockService({ repository: new PostgresBlocks(sql), users: profiles, audit, clock })
  const codeStore = new PostgresCodes(sql)
  const key = secrets.derive('one-time-code')
  const { courier } = options
  const codes = new OneTimeCodes({ repository: codeStore, courier, limiter, clock, key })
  const codeSignIn = new CodeSignIn({ codes, accounts, secondFactor, signIn, audit })
  const passwords = new PasswordService({
    accounts,
    hasher,
    sessions,
    codes,
    courier,
    limiter,
    audit,
    clock,
    verifiedIdentities: (userId) => codeStore.verified(userId),
  })
  return {
    authenticator: new TokenAuthenticator(tokens, gate, personal),
    auth,
    sessions,
    users,
    keys,
    blocks,
    routes: [
      ...authRoutes(auth),
      ...verificationRoutes(codeSignIn, passwords),
      ...totpRoutes(secondFactor),
      ...sessionRoutes(sessions),
      ...personalTokenRoutes(personal),
      ...blockRoutes(blocks),
      ...userRoutes(users),
      ...keyRoutes(keys),
    ],
  }
}
