import type { SessionId, UserId } from '../../domain/ids.ts'

/** One security-relevant act. */
export interface AuditEvent {
  /** Dotted, lower case: `auth.sign_in`, `session.refresh_reuse`. */
  action: string
  outcome: 'success' | 'refused'
  actorId: UserId | null
  sessionId?: SessionId | null
  /** Whom or what it was done to: an id, or an address that was tried. */
  target?: string | null
  /** Where from. */
  address: string | null
  details?: Record<string, string | number | boolean | null>
}

export interface AuditTrail {
  /** Appends; resolves when committed. @throws DomainError dependency_unavailable. */
  record(event: AuditEvent): Promise<void>
}
