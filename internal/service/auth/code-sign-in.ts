import { DomainError } from '../../domain/errors.ts'
import type { Identity } from '../../domain/identity.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { Device } from '../session/ports.ts'
import type { OneTimeCodes } from '../verification/codes.ts'
import type { AccountRepository } from './ports.ts'
import type { SecondFactor } from './second-factor.ts'
import type { SignedIn, SignIn } from './sign-in.ts'

export interface CodeSignInDeps {
  codes: OneTimeCodes
  accounts: AccountRepository
  secondFactor: SecondFactor
  signIn: SignIn
  audit: AuditTrail
}

/** One-time codes: addresses verified by them, and sign-in by one alone. */
export class CodeSignIn {
  readonly #deps: CodeSignInDeps

  constructor(deps: CodeSignInDeps) {
    this.#deps = deps
  }

  request(identity: Identity, purpose: 'sign_in' | 'verify'): Promise<void> {
    return this.#deps.codes.request(identity, purpose)
  }

  /** Takes the address as verified. @throws `unauthenticated` for a wrong code. */
  async verify(identity: Identity, code: string, device: Device): Promise<void> {
    const { codes, audit } = this.#deps
    const userId = await codes.check(identity, 'verify', code)
    await codes.redeem(userId, identity, 'verify', code)
    await audit.record({
      action: 'user.identity_verify',
      outcome: 'success',
      actorId: userId,
      target: userId,
      address: device.address,
      details: { kind: identity.kind },
    })
  }

  /** @throws `unauthenticated` for a wrong code; `totp_required`, after which the code is still good; `forbidden`. */
  async signIn(
    identity: Identity,
    code: string,
    totpCode: string | undefined,
    device: Device,
  ): Promise<SignedIn> {
    const { codes, accounts, secondFactor, signIn } = this.#deps
    const userId = await codes.check(identity, 'sign_in', code)
    const account = await accounts.findById(userId)
    if (account?.status !== 'active') throw new DomainError('forbidden', 'This account is suspended.')
    await secondFactor.demand(userId, totpCode)
    await codes.redeem(userId, identity, 'sign_in', code)
    return signIn.open(userId, device, 'code')
  }
}
