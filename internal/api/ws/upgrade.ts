import { DomainError } from '../../domain/errors.ts'
import type { Actor } from '../../domain/user.ts'
import { SessionEndedError } from '../../service/session/session-ended.ts'
import type { Authenticator } from '../authenticator.ts'

/**
 * A session that ended is 403 to an upgrade, where a request gets 401: published clients come again with the
 * same token after either, and operators can tell the two apart.
 */
export function upgradeAuthenticator(authenticator: Authenticator): (token: string) => Promise<Actor> {
  return async (token) => {
    try {
      return await authenticator.authenticate(token)
    } catch (error) {
      if (error instanceof SessionEndedError) {
        throw new DomainError('forbidden', error.message, { cause: error })
      }
      throw error
    }
  }
}
