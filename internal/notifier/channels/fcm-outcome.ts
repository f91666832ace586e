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

/**
 * - `gone`: the token's app was removed or its registration renewed: the token is deleted.
 * - `drop`: the message or the token is at fault, and stays so.
 * - `retry`: later, after Retry-After, else up the ladder.
 * - `slow`: as `retry`, and not within the minute that FCM asks for when it names no time.
 */
type Treatment = 'gone' | 'drop' | 'retry' | 'slow'

/**
 * FCM's errors by the SDK's codes, what is done, and whether an operator has to know: those come from a
 * wrong configuration, and hit every push alike.
 * (https://firebase.google.com/docs/cloud-messaging/error-codes, .../scale-fcm#errors)
 */
export const TREATMENTS: Record<string, { treatment: Treatment; alarm?: true }> = {
  // UNREGISTERED 404
  'registration-token-not-registered': { treatment: 'gone' },
  'installation-id-not-registered': { treatment: 'gone' },
  // INVALID_ARGUMENT 400: a payload of ours, unless it says that it is about the token (see below).
  'invalid-argument': { treatment: 'drop' },
  'invalid-recipient': { treatment: 'drop' },
  'invalid-payload': { treatment: 'drop', alarm: true },
  'invalid-data-payload-key': { treatment: 'drop', alarm: true },
  'payload-size-limit-exceeded': { treatment: 'drop', alarm: true },
  'invalid-options': { treatment: 'drop', alarm: true },
  'invalid-package-name': { treatment: 'drop', alarm: true },
  'invalid-registration-token': { treatment: 'gone' },
  // SENDER_ID_MISMATCH and PERMISSION_DENIED 403: a token of another project, or the wrong service account.
  'mismatched-credential': { treatment: 'retry', alarm: true },
  // THIRD_PARTY_AUTH_ERROR 401: the APNs key or the web push certificate.
  'third-party-auth-error': { treatment: 'retry', alarm: true },
  'invalid-apns-credentials': { treatment: 'retry', alarm: true },
  'authentication-error': { treatment: 'retry', alarm: true },
  'app/invalid-credential': { treatment: 'retry', alarm: true },
  // QUOTA_EXCEEDED 429
  'message-rate-exceeded': { treatment: 'slow' },
  'device-message-rate-exceeded': { treatment: 'slow' },
  'topics-message-rate-exceeded': { treatment: 'slow' },
  'quota-exceeded': { treatment: 'slow' },
  // UNAVAILABLE 503, INTERNAL 500
  'server-unavailable': { treatment: 'retry' },
  'internal-error': { treatment: 'retry' },
}

/** FCM: "if no retry-after header is set, default to 60 seconds". */
const SLOW_MS = 60_000

/** Failures to connect: nothing of the request has left. */
const NOT_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']

/** An SDK error → what to do, and whether it is an operator's to mend. */
export function outcomeOf(error: unknown): { outcome: SendOutcome; alarm: boolean } {
  const parsed = failure.safeParse(error)
  if (!parsed.success) return { outcome: { kind: 'unknown', reason: 'unknown' }, alarm: false }
  const { code, message, httpResponse, cause } = parsed.data
  const reason = code.replace(/^messaging\//, '')
  const known = aboutToken(reason, message) ? TREATMENTS['invalid-registration-token'] : TREATMENTS[reason]
  const alarm = known?.alarm === true
  if (known?.treatment === 'gone') return { outcome: { kind: 'gone', reason }, alarm }
  if (known?.treatment === 'drop') return { outcome: { kind: 'dropped', reason }, alarm }
  // An answer, whatever it says, tells that the message was not taken.
  if (httpResponse) {
    const wish = retryAfterMs(httpResponse.headers['retry-after'])
    const isSlow = known?.treatment === 'slow' || httpResponse.status === 429
    return { outcome: { kind: 'retry', reason, afterMs: wish ?? (isSlow ? SLOW_MS : null) }, alarm }
  }
  const text = `${code} ${message} ${codeOf(cause)}`
  const notSent = NOT_SENT.find((each) => text.includes(each))
  if (notSent) return { outcome: { kind: 'retry', reason: notSent, afterMs: null }, alarm: false }
  // No token for Google's API could be had: nothing was sent either.
  if (reason === 'app/invalid-credential') {
    return { outcome: { kind: 'retry', reason, afterMs: null }, alarm }
  }
  return { outcome: { kind: 'unknown', reason }, alarm: false }
}

/** FCM: "The registration token is not a valid FCM registration token"; the payload is not at fault then. */
function aboutToken(reason: string, message: string): boolean {
  return reason === 'invalid-argument' && /registration token/i.test(message)
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
