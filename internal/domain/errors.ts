/** Every way a request can fail, as SPEC.md section 12 names them. Stable: clients branch on these. */
export const ERROR_CODES = [
  'validation_failed',
  'unauthenticated',
  'totp_required',
  'forbidden',
  'blocked',
  'not_found',
  'method_not_allowed',
  'conflict',
  'gone',
  'payload_too_large',
  'unsupported_media_type',
  'idempotency_mismatch',
  'rate_limited',
  'overloaded',
  'dependency_unavailable',
  'feature_disabled',
  'internal',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface FieldError {
  /** Dotted path into the request, for example `mentions.userIds.0`; empty for the whole. */
  path: string
  message: string
}

export interface DomainErrorDetails {
  errors?: FieldError[]
  /** Milliseconds after which a retry can succeed; becomes `Retry-After` and `retryAfterMs`. */
  retryAfterMs?: number
  cause?: unknown
}

/** The only error that crosses layers on purpose; anything else is a bug and is answered as `internal`. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly errors: FieldError[] | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, details: DomainErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.name = 'DomainError'
    this.code = code
    this.errors = details.errors
    this.retryAfterMs = details.retryAfterMs
  }
}

export function notFound(what: string): DomainError {
  return new DomainError('not_found', `No such ${what}.`)
}

export function invalid(path: string, message: string): DomainError {
  return new DomainError('validation_failed', message, { errors: [{ path, message }] })
}

/** Says nothing of what was changed: a request whose answer was lost may have been carried out. */
export function unavailable(dependency: string, cause?: unknown): DomainError {
  return new DomainError(
    'dependency_unavailable',
    `${dependency} does not answer; the request may or may not have taken effect.`,
    {
      retryAfterMs: 1000,
      cause,
    },
  )
}
