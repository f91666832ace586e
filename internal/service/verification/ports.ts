import type { Identity, IdentityKind } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'

export type CodePurpose = 'sign_in' | 'verify' | 'reset'

/** An address as it belongs to an account. */
export interface OwnedIdentity extends Identity {
  userId: UserId
  verified: boolean
}

export interface StoredCode {
  identity: Identity
  purpose: CodePurpose
  /** Null when the address belongs to nobody: the code is written, and opens nothing. */
  userId: UserId | null
  codeHash: Buffer
  tries: number
  at: Date
  expiresAt: Date
}

/**
 * Open codes. Every method throws DomainError `dependency_unavailable` when the store cannot be asked: a try may
 * then have been counted, a code used up.
 */
export interface CodeRepository {
  /** The active account whose address it is, verified or not. */
  owner(identity: Identity): Promise<OwnedIdentity | null>
  /** Replaces the code of the same address and purpose, and forgets expired ones. */
  store(code: StoredCode): Promise<void>
  /**
   * Takes one try and answers what to compare with; null when there is no open code or no try left.
   * Atomic: of any number of parallel calls at most `tries` get an answer.
   */
  attempt(
    identity: Identity,
    purpose: CodePurpose,
    now: Date,
  ): Promise<{ codeHash: Buffer; userId: UserId | null } | null>
  /** Uses a code up; true for one of any number of parallel calls. */
  redeem(identity: Identity, purpose: CodePurpose, codeHash: Buffer): Promise<boolean>
  /** Where an account can be told what happened to it. */
  verified(userId: UserId): Promise<Identity[]>
  /** Safe to repeat. */
  markVerified(userId: UserId, kind: IdentityKind, at: Date): Promise<void>
}

/** What is sent to a person, apart from what they see in the application. */
export type Notice =
  | { kind: 'code'; purpose: CodePurpose; code: string; minutes: number }
  | { kind: 'password_changed' }
  | { kind: 'new_sign_in'; device: string; address: string; at: Date }

/** Carries notices to addresses. */
export interface Courier {
  /** Takes a notice to be sent; returns at once, so that nobody learns from the time it takes. */
  send(userId: UserId, to: Identity, notice: Notice): void
}
