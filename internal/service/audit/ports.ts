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
  /** Appends; resolves when committed. @throws DomainError dependency_unavailable: repeated, it may be there twice. */
  record(event: AuditEvent): Promise<void>
}

/** An event as it is kept. */
export interface AuditEntry {
  /** Place in the chain, dense from 1. */
  id: number
  at: Date
  action: string
  outcome: AuditEvent['outcome']
  actorId: UserId | null
  sessionId: SessionId | null
  target: string | null
  address: string | null
  details: Record<string, unknown>
}

export interface AuditQuery {
  actorId: UserId | null
  action: string | null
  target: string | null
  outcome: AuditEvent['outcome'] | null
  /** At or after, and before. */
  from: Date | null
  to: Date | null
  /** Entries with a lower id. */
  before: number | null
  limit: number
}

export interface AuditReader {
  /** Newest first, `limit` at most. @throws DomainError dependency_unavailable. */
  list(query: AuditQuery): Promise<AuditEntry[]>
}
