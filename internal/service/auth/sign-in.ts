import { DomainError } from '../../domain/errors.ts'
import type { SessionId, UserId } from '../../domain/ids.ts'
import type { OwnUser, Session } from '../../domain/user.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { Device } from '../session/ports.ts'
import { type OpenedSession, presentSession, type SessionService } from '../session/sessions.ts'
import type { UserRepository } from '../user/ports.ts'
import type { AccessTokens } from './access-token.ts'
import type { SignInAlert } from './sign-in-alert.ts'

/** What register, sign-in and refresh answer. */
export interface SignedIn {
  user: OwnUser
  session: Session
  accessToken: string
  accessTokenExpiresAt: string
  refreshToken: string
}

export type SignInMethod = 'registration' | 'password' | 'code'

export interface SignInDeps {
  users: UserRepository
  sessions: SessionService
  tokens: AccessTokens
  audit: AuditTrail
  alert: SignInAlert
  /** Told of a sign-in from a device that was not known, so that the owner's other devices are. */
  onStrange(session: { userId: UserId; sessionId: SessionId; deviceName: string; at: string }): void
}

/** The last step of every way to sign in. */
export class SignIn {
  readonly #deps: SignInDeps

  constructor(deps: SignInDeps) {
    this.#deps = deps
  }

  /** The caller has made sure who it is, that the account is active, and of the second factor. */
  async open(userId: UserId, device: Device, method: SignInMethod): Promise<SignedIn> {
    const { sessions, audit, alert } = this.#deps
    const strange = method !== 'registration' && (await alert.isStrange(userId, device))
    const opened = await sessions.open(userId, device)
    await audit.record({
      action: method === 'registration' ? 'auth.register' : 'auth.sign_in',
      outcome: 'success',
      actorId: userId,
      sessionId: opened.session.id,
      target: userId,
      address: device.address,
      details: { method },
    })
    if (strange) {
      const { id: sessionId, createdAt } = opened.session
      this.#deps.onStrange({ userId, sessionId, deviceName: device.name, at: createdAt.toISOString() })
      await alert.tell(userId, device)
    }
    return this.present(opened)
  }

  async present({ session, refreshToken }: OpenedSession): Promise<SignedIn> {
    const { users, tokens } = this.#deps
    const user = await users.own(session.userId)
    if (!user) throw new DomainError('unauthenticated', 'This account was deleted.')
    const { token, expiresAt } = await tokens.issue({ userId: user.id, sessionId: session.id })
    return {
      user,
      session: presentSession(session, session.id),
      accessToken: token,
      accessTokenExpiresAt: expiresAt.toISOString(),
      refreshToken,
    }
  }
}
