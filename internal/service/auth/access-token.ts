import { errors, jwtVerify, SignJWT } from 'jose'
import { DomainError } from '../../domain/errors.ts'
import { isUuid, type SessionId, type UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import { type KeyRing, SIGNING_ALGORITHM } from './key-ring.ts'

const AUDIENCE = 'realchat'
const TYPE = 'at+jwt'

export interface AccessTokenDeps {
  keys: KeyRing
  clock: Clock
  /** Where clients reach the service: `iss`. */
  issuer: string
  ttlMs: number
}

export interface AccessClaims {
  userId: UserId
  sessionId: SessionId
}

/** JWTs that say who is signed in; valid on every node without asking anybody (RFC 9068). */
export class AccessTokens {
  readonly #deps: AccessTokenDeps

  constructor(deps: AccessTokenDeps) {
    this.#deps = deps
  }

  async issue({ userId, sessionId }: AccessClaims): Promise<{ token: string; expiresAt: Date }> {
    const { keys, clock, issuer, ttlMs } = this.#deps
    const { kid, key } = await keys.signing()
    const now = Math.floor(clock.now() / 1000)
    const expires = now + Math.max(1, Math.floor(ttlMs / 1000))
    const token = await new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: TYPE, kid })
      .setIssuer(issuer)
      .setAudience(AUDIENCE)
      .setSubject(userId)
      .setIssuedAt(now)
      .setExpirationTime(expires)
      .sign(key)
    return { token, expiresAt: new Date(expires * 1000) }
  }

  /** @throws DomainError `unauthenticated` for all that this service did not sign for now, and to be used here. */
  async verify(token: string): Promise<AccessClaims> {
    const { keys, clock, issuer } = this.#deps
    try {
      const { payload } = await jwtVerify(
        token,
        async ({ kid }) => {
          const key = kid === undefined ? null : await keys.verifying(kid)
          if (key === null) throw new errors.JWKSNoMatchingKey()
          return key
        },
        {
          issuer,
          audience: AUDIENCE,
          typ: TYPE,
          algorithms: [SIGNING_ALGORITHM],
          currentDate: new Date(clock.now()),
          requiredClaims: ['sub', 'sid', 'exp', 'iat'],
        },
      )
      const { sub = '', sid } = payload
      if (typeof sid !== 'string' || !isUuid<UserId>(sub) || !isUuid<SessionId>(sid))
        throw new errors.JWTInvalid()
      return { userId: sub, sessionId: sid }
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error
      const expired = error instanceof errors.JWTExpired
      throw new DomainError(
        'unauthenticated',
        expired ? 'The access token has expired.' : 'The access token is not valid.',
        { cause: error },
      )
    }
  }
}
