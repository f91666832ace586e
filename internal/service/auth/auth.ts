import { DomainError, invalid } from '../../domain/errors.ts'
import {
  displayNameFault,
  emailIdentity,
  type Identifier,
  type Identity,
  identifierOf,
  PASSWORD_MAX,
  PASSWORD_MIN,
  phoneIdentity,
  usernameFault,
} from '../../domain/identity.ts'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { RateLimiter } from '../limit/ports.ts'
import type { Device } from '../session/ports.ts'
import type { SessionService } from '../session/sessions.ts'
import { newPublicId } from '../user/public-id.ts'
import { SIGN_IN_PAIR, SIGN_IN_STRANGERS } from './limits.ts'
import type { Account, AccountRepository, PasswordHasher } from './ports.ts'
import type { SecondFactor } from './second-factor.ts'
import type { SignedIn, SignIn } from './sign-in.ts'

export interface Registration {
  username: string
  email?: string | undefined
  phone?: string | undefined
  password: string
  displayName?: string | undefined
}

export interface Credentials {
  /** Username, email or phone. */
  identifier: string
  password: string
  /** Of the second factor. */
  code?: string | undefined
}

export interface AuthDeps {
  accounts: AccountRepository
  sessions: SessionService
  signIn: SignIn
  secondFactor: SecondFactor
  hasher: PasswordHasher
  limiter: RateLimiter
  audit: AuditTrail
  clock: Clock
  /** True when the user signed in from the address before. */
  knowsAddress(userId: UserId, address: string): Promise<boolean>
}

/** Nobody's: asked about in place of an account that does not exist, so that both take as long. */
const NOBODY = '00000000-0000-0000-0000-000000000000' as UserId

/** Registration, sign-in by password, refresh, sign-out. */
export class AuthService {
  readonly #deps: AuthDeps

  constructor(deps: AuthDeps) {
    this.#deps = deps
  }

  /** @throws DomainError `validation_failed`, `conflict` naming the field that is taken, `overloaded`. */
  async register(registration: Registration, device: Device): Promise<SignedIn> {
    const { accounts, hasher, clock, signIn } = this.#deps
    const { username, password } = registration
    const displayName = registration.displayName ?? username
    const identities = checkRegistration(registration, displayName)
    // Hashing is dear: what is plainly taken is refused before it. Who was first is decided by `create`.
    const [taken] = await accounts.taken(username, identities)
    if (taken) {
      throw new DomainError('conflict', `This ${taken} is taken.`, {
        errors: [{ path: taken, message: 'is taken' }],
      })
    }
    const passwordHash = await hasher.hash(password)
    const now = clock.now()
    const id = uuidv7<UserId>(now)
    const at = new Date(now)
    await accounts.create({
      id,
      username,
      displayName,
      publicId: newPublicId(),
      identities,
      passwordHash,
      at,
    })
    return signIn.open(id, device, 'registration')
  }

  /** @throws DomainError `unauthenticated` for any wrong part alike; `forbidden` when suspended; `rate_limited`. */
  async login(credentials: Credentials, device: Device): Promise<SignedIn> {
    const { accounts, hasher, secondFactor, signIn } = this.#deps
    const identifier = identifierOf(credentials.identifier)
    const account = identifier && (await accounts.find(identifier))
    await this.#countGuess(identifier, account, device)
    const right = account
      ? await hasher.verify(account.passwordHash, credentials.password)
      : await hasher.pretend(credentials.password).then(() => false)
    if (!account || !right) {
      await this.#recordRefusal(account, device, 'password')
      throw new DomainError('unauthenticated', 'The identifier or the password is wrong.')
    }
    if (account.status !== 'active') throw new DomainError('forbidden', 'This account is suspended.')
    await secondFactor.demand(account.userId, credentials.code).catch(async (error: unknown) => {
      if (credentials.code !== undefined) await this.#recordRefusal(account, device, 'second_factor')
      throw error
    })
    await this.#rehash(account, credentials.password)
    const signedIn = await signIn.open(account.userId, device, 'password')
    await this.#forgetGuesses(identifier, device)
    return signedIn
  }

  async refresh(refreshToken: string, device: Device): Promise<SignedIn> {
    const { sessions, signIn } = this.#deps
    return signIn.present(await sessions.refresh(refreshToken, device))
  }

  async logout(actor: Actor, address: string): Promise<void> {
    await this.#deps.sessions.end(actor, actor.sessionId, 'signed_out', address)
  }

  async #recordRefusal(account: Account | null, device: Device, wrong: string): Promise<void> {
    await this.#deps.audit.record({
      action: 'auth.sign_in',
      outcome: 'refused',
      actorId: null,
      target: account?.userId ?? null,
      address: device.address,
      details: { wrong },
    })
  }

  /** Counted before the password is looked at, so that parallel guesses do not outrun the count. */
  async #countGuess(identifier: Identifier | null, account: Account | null, device: Device): Promise<void> {
    const { limiter } = this.#deps
    await limiter.consume(SIGN_IN_PAIR, pairKey(identifier, device))
    if (await this.#deps.knowsAddress(account?.userId ?? NOBODY, device.address)) return
    await limiter.consume(SIGN_IN_STRANGERS, accountKey(identifier))
  }

  async #forgetGuesses(identifier: Identifier | null, device: Device): Promise<void> {
    await this.#deps.limiter.reset(SIGN_IN_PAIR, pairKey(identifier, device))
  }

  /** Parameters in configuration may have been raised since the hash was made. */
  async #rehash(account: Account, password: string): Promise<void> {
    const { hasher, accounts, clock } = this.#deps
    if (!hasher.outdated(account.passwordHash)) return
    const hash = await hasher.hash(password)
    await accounts.replaceHash(account.userId, account.passwordHash, hash, new Date(clock.now()))
  }
}

function accountKey(identifier: Identifier | null): string {
  return identifier ? `${identifier.kind}:${identifier.key}` : 'nobody'
}

function pairKey(identifier: Identifier | null, device: Device): string {
  return `${accountKey(identifier)} ${device.address}`
}

/** @throws DomainError `validation_failed` for the first fault, as the schema has checked the shape. */
function checkRegistration(registration: Registration, displayName: string): Identity[] {
  const { username, email, phone, password } = registration
  refuse('username', usernameFault(username))
  refuse('displayName', displayNameFault(displayName))
  refuse('password', passwordFault(password))
  const identities: Identity[] = []
  if (email !== undefined) identities.push(known(emailIdentity(email), 'email', 'is not an email address'))
  if (phone !== undefined) {
    identities.push(known(phoneIdentity(phone), 'phone', 'is not an E.164 number such as +15551234567'))
  }
  return identities
}

export function passwordFault(password: string): string | null {
  if (password.length < PASSWORD_MIN) return `must have at least ${PASSWORD_MIN} characters`
  if (password.length > PASSWORD_MAX) return `must have at most ${PASSWORD_MAX} characters`
  return null
}

function refuse(path: string, fault: string | null): void {
  if (fault !== null) throw invalid(path, `The ${path} ${fault}.`)
}

function known(identity: Identity | null, path: string, fault: string): Identity {
  if (!identity) throw invalid(path, `The ${path} ${fault}.`)
  return identity
}
