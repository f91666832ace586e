import type { Identifier, Identity } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'

export interface NewAccount {
  id: UserId
  username: string
  displayName: string
  publicId: string
  identities: readonly Identity[]
  passwordHash: string
  at: Date
}

export interface Account {
  userId: UserId
  status: 'active' | 'suspended' | 'deleted'
  passwordHash: string
}

/**
 * Accounts as signing in needs them. Every method throws DomainError `dependency_unavailable` when the store
 * cannot be asked; a write may then have taken effect.
 */
export interface AccountRepository {
  /**
   * Which of username and addresses are taken, by the names of the request's fields.
   * A hint only: `create` decides.
   */
  taken(username: string, identities: readonly Identity[]): Promise<('username' | 'email' | 'phone')[]>
  /**
   * Stores user, addresses and password in one transaction.
   * @throws DomainError `conflict` naming the field that is taken: of parallel calls one succeeds.
   */
  create(account: NewAccount): Promise<void>
  /** Null for what is nobody's; suspended and deleted accounts are answered with their status. */
  find(identifier: Identifier): Promise<Account | null>
  findById(userId: UserId): Promise<Account | null>
  /** Replaces the hash if it still is `from` (another request may have changed the password meanwhile). */
  replaceHash(userId: UserId, from: string, to: string, at: Date): Promise<boolean>
}

/** The public part of an Ed25519 key (RFC 8037). */
export interface PublicJwk {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
}

export interface StoredKey {
  kid: string
  algorithm: 'EdDSA'
  publicJwk: PublicJwk
  privateSealed: Buffer
  createdAt: Date
  retiredAt: Date | null
}

/** The keys of all nodes. Throws DomainError `dependency_unavailable`; every method may be repeated but `rotate`. */
export interface SigningKeyRepository {
  /** All keys that sign, or whose signatures may still be valid. */
  list(retiredAfter: Date): Promise<StoredKey[]>
  /** Stores the first key; without effect when there is an active one already. */
  createFirst(key: StoredKey): Promise<void>
  /** Retires the active key and makes this one active, in one transaction. */
  rotate(key: StoredKey): Promise<void>
}

/** Hashes passwords; bounded, so that sign-ins cannot starve everything else of threads. */
export interface PasswordHasher {
  /** @throws DomainError `overloaded` when too many wait. */
  hash(password: string): Promise<string>
  verify(hash: string, password: string): Promise<boolean>
  /** Takes as long as `verify`, for accounts that do not exist. */
  pretend(password: string): Promise<void>
  /** True when the hash was made with other parameters than are now in force. */
  outdated(hash: string): boolean
}

export interface StoredFactor {
  secretSealed: Buffer
  enabled: boolean
}

/**
 * The second factor of accounts: a secret shared with an authenticator, and recovery codes. Every method throws
 * DomainError `dependency_unavailable` when the store cannot be asked: a code may then have been used up.
 */
export interface SecondFactorRepository {
  /** The one in force or proposed. */
  find(userId: UserId): Promise<StoredFactor | null>
  /** Keeps a secret that is not in force yet; false when one is in force. */
  propose(userId: UserId, secretSealed: Buffer): Promise<boolean>
  /** Puts the proposed secret in force with fresh recovery codes; false when one was in force already. */
  enable(userId: UserId, step: number, recoveryHashes: readonly Buffer[], at: Date): Promise<boolean>
  /** Takes the time step; false when it or a later one was taken. Of parallel calls one succeeds. */
  takeStep(userId: UserId, step: number): Promise<boolean>
  /** Uses a recovery code up; true for one of any number of parallel calls. */
  takeRecovery(userId: UserId, codeHash: Buffer, at: Date): Promise<boolean>
  /** Removes the secret with its recovery codes, in one transaction. Safe to repeat. */
  disable(userId: UserId): Promise<void>
}
