/** An expected failure as it goes to the client; `reason` is what Phoenix clients read first. */
export interface Refusal {
  reason: string
  code: string
  message: string
  errors?: { path: string; message: string }[]
  /** Milliseconds after which a retry can succeed. */
  retryAfterMs?: number
}

/** Thrown by the library itself, and by topics that have no error type of their own. */
export class RefusalError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'RefusalError'
    this.refusal = refusal
  }
}

/** Injected: an expected error becomes what the client is told; null means a bug, which crashes the channel. */
export type ToRefusal = (error: unknown) => Refusal | null

export function refusal(code: string, message: string, retryAfterMs?: number): Refusal {
  const base = { reason: code, code, message }
  return retryAfterMs === undefined ? base : { ...base, retryAfterMs }
}

/** What the client is told of `error`, the library's own refusals first. */
export function refusalOf(error: unknown, toRefusal: ToRefusal): Refusal | null {
  return error instanceof RefusalError ? error.refusal : toRefusal(error)
}

export const UNMATCHED_TOPIC: Refusal = {
  reason: 'unmatched topic',
  code: 'not_found',
  message: 'No such topic, or it is not joined.',
}

export const TOO_MANY_CHANNELS: Refusal = {
  reason: 'too many channels joined',
  code: 'rate_limited',
  message: 'This socket has joined as many topics as it may.',
}

export const CRASHED_JOIN: Refusal = refusal('internal', 'The join failed; try again.')
