import type pg from 'pg'
import type { Authenticator } from '../../internal/api/authenticator.ts'
import { accountRoutes } from '../../internal/api/http/account.ts'
import { adminRoutes } from '../../internal/api/http/admin.ts'
import { authRoutes } from '../../internal/api/http/auth.ts'
import { blockRoutes } from '../../internal/api/http/block.ts'
import { keyRoutes } from '../../internal/api/http/keys.ts'
import { personalTokenRoutes } from '../../internal/api/http/personal-token.ts'
import type { Route } from '../../internal/api/http/route.ts'
import { sessionRoutes } from '../../internal/api/http/session.ts'
import { totpRoutes } from '../../internal/api/http/totp.ts'
import { userRoutes } from '../../internal/api/http/user.ts'
import { codeRoutes, passwordRoutes } from '../../internal/api/http/verification.ts'
import type { UserId } from '../../internal/domain/ids.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import { PostgresAccountCloser } from '../../internal/repository/postgres/account.ts'
import { PostgresAdmin } from '../../internal/repository/postgres/admin.ts'
import { PostgresAuditTrail } from '../../internal/repository/postgres/audit.ts'
import { type ChainReport, PostgresAuditReader } from '../../internal/repository/postgres/audit-reader.ts'
import { PostgresAccounts } from '../../internal/repository/postgres/auth.ts'
import { PostgresBlocks } from '../../internal/repository/postgres/block.ts'
import { PostgresPersonalTokens } from '../../internal/repository/postgres/personal-token.ts'
import { PostgresSecondFactors } from '../../internal/repository/postgres/second-factor.ts'
import { PostgresSessions } from '../../internal/repository/postgres/session.ts'
import { PostgresSigningKeys } from '../../internal/repository/postgres/signing-key.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUsers } from '../../internal/repository/postgres/user.ts'
import { PostgresCodes } from '../../internal/repository/postgres/verification.ts'
import { AccountClosing } from '../../internal/service/account/closing.ts'
import { AdminService } from '../../internal/service/admin/admin.ts'
import type { AuditTrail } from '../../internal/service/audit/ports.ts'
import { AccessTokens } from '../../internal/service/auth/access-token.ts'
import { Argon2Hasher, type Argon2Parameters } from '../../internal/service/auth/argon2.ts'
import { AuthService } from '../../internal/service/auth/auth.ts'
import { TokenAuthenticator } from '../../internal/service/auth/authenticate.ts'
import { CodeSignIn } from '../../internal/service/auth/code-sign-in.ts'
import { KeyRing } from '../../internal/service/auth/key-ring.ts'
import { PasswordService } from '../../internal/service/auth/passwords.ts'
import { SecondFactor } from '../../internal/service/auth/second-factor.ts'
import { Secrets } from '../../internal/service/auth/secrets.ts'
import { SignIn, type SignInDeps } from '../../internal/service/auth/sign-in.ts'
import { SignInAlert } from '../../internal/service/auth/sign-in-alert.ts'
import { BlockService } from '../../internal/service/block/blocks.ts'
import type { RateLimiter } from '../../internal/service/limit/ports.ts'
import type { LiveEvents } from '../../internal/service/live/ports.ts'
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
  /** Cost of Argon2id. */
  passwords?: Argon2Parameters | undefined
  /** Redis or in process, as the limiter. */
  cache: SessionCache
  limiter: RateLimiter
  events: SessionEvents
  /** Told of blocks, where there are sockets to be shown what follows. */
  onBlocksChanged?: LiveEvents['blocksChanged']
  /** Told of sign-ins from devices that were not known. */
  onStrangeSignIn?: SignInDeps['onStrange']
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
  admin: AdminService
  audit: AuditTrail
  /** Reads the whole audit trail and reports the first entry that does not fit. */
  verifyAudit(): Promise<ChainReport>
  /** The hash of an entry, hex; null when there is none. */
  auditHashAt(id: number): Promise<string | null>
  routes: Route[]
}

/** People, sessions and access over one pool: what the API, standalone and the tests all run. */
export function composeIdentity(options: IdentityOptions): Identity {
  const base = foundationOf(options)
  const { sql, secrets, audit, profiles, sessions, clock } = base
  const trail = new PostgresAuditReader(sql)
  const users = new UserService(profiles)
  const personal = new PersonalTokens({
    repository: new PostgresPersonalTokens(sql),
    events: options.events,
    audit,
    clock,
  })
  const blocks = new BlockService({
    repository: new PostgresBlocks(sql),
    users: profiles,
    audit,
    clock,
    live: { blocksChanged: options.onBlocksChanged ?? (() => {}) },
  })
  const admin = new AdminService({ repository: new PostgresAdmin(sql), sessions, audit, trail, clock })
  const { auth, routes, closing } = signInOf(base, admin, options)
  return {
    authenticator: new TokenAuthenticator(base.tokens, base.gate, personal),
    auth,
    sessions,
    users,
    keys: base.keys,
    blocks,
    admin,
    audit,
    verifyAudit: () => trail.verify(secrets.derive('audit')),
    auditHashAt: (id) => trail.hashAt(id),
    routes: [
      ...routes,
      ...sessionRoutes(sessions),
      ...personalTokenRoutes(personal),
      ...blockRoutes(blocks),
      ...userRoutes(users),
      ...accountRoutes(closing),
      ...adminRoutes(admin),
      ...keyRoutes(base.keys),
    ],
  }
}

/** Keys, tokens and sessions, on which everything else stands. */
function foundationOf({ pool, clock, secretKey, accessTtlMs, ...options }: IdentityOptions) {
  const sql = new Sql(pool)
  const secrets = new Secrets(secretKey)
  const audit = new PostgresAuditTrail(sql, secrets.derive('audit'), clock)
  const stored = new PostgresSessions(sql)
  const keys = new KeyRing({ repository: new PostgresSigningKeys(sql), secrets, clock, accessTtlMs })
  const gate = new SessionGate({ load: (id) => stored.state(id), shared: options.cache, clock })
  return {
    sql,
    secrets,
    audit,
    clock,
    stored,
    keys,
    gate,
    profiles: new PostgresUsers(sql),
    tokens: new AccessTokens({ keys, clock, issuer: options.publicUrl, ttlMs: accessTtlMs }),
    sessions: new SessionService({
      repository: stored,
      gate,
      events: options.events,
      audit,
      clock,
      refreshKey: secrets.derive('refresh-token'),
      refreshTtlMs: options.refreshTtlMs,
    }),
  }
}

/** The ways to sign in, and what belongs to them. */
function signInOf(
  base: ReturnType<typeof foundationOf>,
  admin: AdminService,
  { limiter, courier, passwords, onStrangeSignIn = () => {} }: IdentityOptions,
) {
  const { sql, secrets, audit, clock, stored, sessions, tokens, profiles: users } = base
  const codeStore = new PostgresCodes(sql)
  const factors = new PostgresSecondFactors(sql)
  const secondFactor = new SecondFactor({ repository: factors, secrets, limiter, audit, clock })
  const verifiedIdentities = (userId: UserId) => codeStore.verified(userId)
  const alert = new SignInAlert({
    courier,
    limiter,
    clock,
    knowsDevice: (userId, device) => stored.knowsDevice(userId, device),
    verifiedIdentities,
  })
  const signIn = new SignIn({ users, sessions, tokens, audit, alert, onStrange: onStrangeSignIn })
  const key = secrets.derive('one-time-code')
  const codes = new OneTimeCodes({ repository: codeStore, courier, limiter, clock, key })
  const shared = {
    accounts: new PostgresAccounts(sql),
    hasher: new Argon2Hasher(passwords),
    sessions,
    signIn,
    secondFactor,
    codes,
    courier,
    limiter,
    audit,
    clock,
    knowsAddress: (userId: UserId, address: string) => stored.knowsAddress(userId, address),
    verifiedIdentities,
  }
  const auth = new AuthService(shared)
  const routes = [
    ...authRoutes(auth),
    ...codeRoutes(new CodeSignIn(shared)),
    ...passwordRoutes(new PasswordService(shared)),
    ...totpRoutes(secondFactor),
  ]
  const closing = new AccountClosing({
    ...shared,
    closer: new PostgresAccountCloser(sql),
    authoriseAnew: (userId) => admin.authoriseAnew(userId),
  })
  return { auth, routes, closing }
}
