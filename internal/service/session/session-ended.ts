import { DomainError } from '../../domain/errors.ts'

/** The token is genuine, but its session or personal token was ended: 401 to a request, 403 to an upgrade. */
export class SessionEndedError extends DomainError {
  constructor() {
    super('unauthenticated', 'This session has ended; sign in again.')
  }
}
