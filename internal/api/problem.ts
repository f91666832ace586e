import { DomainError, type ErrorCode, type FieldError } from '../domain/errors.ts'

/** The one table from what went wrong to what HTTP calls it. */
export const PROBLEMS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'Sign in first' },
  totp_required: { status: 401, title: 'A second factor is required' },
  forbidden: { status: 403, title: 'This is not allowed' },
  blocked: { status: 403, title: 'Blocked' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'This conflicts with what is there' },
  gone: { status: 410, title: 'No longer available' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  idempotency_mismatch: { status: 422, title: 'The same id was used for something else' },
  rate_limited: { status: 429, title: 'Too many requests' },
  overloaded: { status: 503, title: 'Overloaded' },
  dependency_unavailable: { status: 503, title: 'A part of the service is unavailable' },
  feature_disabled: { status: 501, title: 'This feature is not configured' },
  internal: { status: 500, title: 'Internal error' },
} as const satisfies Record<ErrorCode, { status: number; title: string }>

/** RFC 9457 body of every failed REST request. */
export interface Problem {
  type: string
  title: string
  status: number
  code: ErrorCode
  detail: string
  instance: string
  requestId: string
  errors?: FieldError[]
  retryAfterMs?: number
}

/** What a socket's error reply carries. */
export interface Refusal {
  reason: ErrorCode
  code: ErrorCode
  message: string
  errors?: FieldError[]
  retryAfterMs?: number
}

const PARSER_CODES: Record<string, ErrorCode> = {
  'entity.too.large': 'payload_too_large',
  'parameters.too.many': 'payload_too_large',
  'encoding.unsupported': 'unsupported_media_type',
  'charset.unsupported': 'unsupported_media_type',
}

/** Any thrown value as the error clients may see; what is not a DomainError tells nothing of its cause. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error
  const { status, type } = clientFault(error)
  if (type !== null && PARSER_CODES[type]) {
    return new DomainError(PARSER_CODES[type], 'The request body cannot be accepted.', { cause: error })
  }
  if (status !== null && status >= 400 && status < 500) {
    const errors = [{ path: '', message: 'cannot be read' }]
    return new DomainError('validation_failed', 'The request cannot be read.', { errors, cause: error })
  }
  return new DomainError('internal', 'Something went wrong here; the request id leads to it.', {
    cause: error,
  })
}

/** Status and type as express and its body parser put them on errors of the client's making. */
function clientFault(error: unknown): { status: number | null; type: string | null } {
  if (!(error instanceof Error)) return { status: null, type: null }
  const status = 'status' in error && typeof error.status === 'number' ? error.status : null
  const type = 'type' in error && typeof error.type === 'string' ? error.type : null
  return { status, type }
}

/** @param instance the path that was asked for, without its query. */
export function problemOf(error: DomainError, requestId: string, instance: string): Problem {
  const { status, title } = PROBLEMS[error.code]
  return {
    type: `urn:realchat:problem:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    instance,
    requestId,
    ...optionalParts(error),
  }
}

/** The same failure for a socket. */
export function refusalOf(error: unknown): Refusal {
  const known = toDomainError(error)
  return { reason: known.code, code: known.code, message: known.message, ...optionalParts(known) }
}

function optionalParts(error: DomainError): { errors?: FieldError[]; retryAfterMs?: number } {
  return {
    ...(error.errors && { errors: error.errors }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: Math.ceil(error.retryAfterMs) }),
  }
}
