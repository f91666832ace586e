import type { Actor } from '../domain/user.ts'

/** Turns the bearer token of a request or an upgrade into who is asking. */
export interface Authenticator {
  /**
   * @throws DomainError `unauthenticated` for a token that is malformed, forged, expired or revoked,
   *   `forbidden` for one whose session ended or whose account is suspended, `dependency_unavailable`.
   */
  authenticate(token: string): Promise<Actor>
}
