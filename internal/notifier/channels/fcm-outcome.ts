import { z } from 'zod'
import type { SendOutcome } from '../ports.ts'

/** What FirebaseError carries; `cause` of a failed connection has Node's code. */
const failure = z.object({
  code: z.string().default('unknown'),
  message: z.string().default(''),
  httpResponse: z
    .object({ status: z.number(), headers: z.record(z.string(), z.unknown()) })
    .optional()
    .catch(undefined),
  cause: z.unknown().optional(),
})

const GONE = new Set([
  'messaging/registration-token-not-registered',
  'messaging/installation-id-not-registered',
])

/** The message or the token is at fault: repeating it changes nothing. */
const PERMANENT = new Set(
  [
    'invalid-argument',
    'invalid-recipient',
    'invalid-payload',
    'invalid-data-payload-key',
    'payload-size-limit-exceeded',
    'invalid-options',
    'invalid-registration-token',
    'invalid-package-name',
    'mismatched-credential',
  ].map((code) => `messaging/${code}`),
)

/** Failures to connect: nothing of the request has left. */
const NOT_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']

/** An SDK error → what to do (https://firebase.google.com/docs/cloud-messaging/error-codes). */
export function outcomeOf(error: unknown): SendOutcome {
  const parsed = failure.safeParse(error)
  if (!parsed.success) return { kind: 'unknown', reason: 'unknown' }
  const { code, message, httpResponse, cause } = parsed.data
  const reason = code.replace(/^messaging\//, '')
  if (GONE.has(code)) return { kind: 'gone', reason }
  if (PERMANENT.has(code)) return { kind: 'dropped', reason }
  // An answer, whatever it says, tells that the message was not taken.
  if (httpResponse)
    return { kind: 'retry', reason, afterMs: retryAfterMs(httpResponse.headers['retry-after']) }
  const text = `${code} ${message} ${codeOf(cause)}`
  const notSent = NOT_SENT.find((each) => text.includes(each))
  if (notSent) return { kind: 'retry', reason: notSent, afterMs: null }
  // No token for Google's API could be had: nothing was sent either.
  if (code.startsWith('app/invalid-credential')) return { kind: 'retry', reason, afterMs: null }
  return { kind: 'unknown', reason }
}

function codeOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : ''
}

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3) → milliseconds; null without one. */
function retryAfterMs(header: unknown, nowMs = Date.now()): number | null {
  if (typeof header !== 'string') return null
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs)
}
