import type { ErrorEvent, NodeClient } from '@sentry/node'

/** Where errors that are bugs are told. */
export interface ErrorTracking {
  /** Returns at once; sends in the background. */
  report(error: unknown, tags?: Readonly<Record<string, string>>): void
  /** Waits for what is on its way, for 2 s at most. */
  close(): Promise<void>
}

export interface ErrorTrackingOptions {
  /** Null turns it off: nothing is loaded, nothing is sent. */
  dsn: string | null
  /** Name of the binary. */
  process: string
  version: string
}

const OFF: ErrorTracking = { report: () => {}, close: async () => {} }
const REDACTED = '[redacted]'
const SECRET_KEY = /pass(word|wd)?|secret|token|authorization|cookie|api-?key|private-?key|^dsn$|otp|^code$/i
const SECRET_TEXT: readonly [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@]{1,500}@/gi, `$1${REDACTED}@`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, REDACTED],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${REDACTED}`],
  [/([?&](?:token|code|secret|password)=)[^&\s"']+/gi, `$1${REDACTED}`],
]
const MAX_DEPTH = 12
const CLOSE_TIMEOUT_MS = 2000

/**
 * Sentry when a DSN is given, by an import at that moment: without one neither memory nor time is spent.
 * Events hold the error and its stack, no request bodies, no headers, no environment.
 */
export async function startErrorTracking(options: ErrorTrackingOptions): Promise<ErrorTracking> {
  if (options.dsn === null) return OFF
  const sentry = await import('@sentry/node')
  const client: NodeClient | undefined = sentry.init({
    dsn: options.dsn,
    release: `realchat@${options.version}`,
    sendDefaultPii: false,
    skipOpenTelemetrySetup: true,
    registerEsmLoaderHooks: false,
    includeServerName: false,
    maxBreadcrumbs: 0,
    defaultIntegrations: false,
    integrations: [sentry.linkedErrorsIntegration(), sentry.dedupeIntegration()],
    initialScope: { tags: { process: options.process } },
    beforeSend: scrubEvent,
  })
  return {
    report: (error, tags = {}) => {
      sentry.captureException(error, { tags })
    },
    close: async () => {
      await client?.close(CLOSE_TIMEOUT_MS)
    },
  }
}

function scrubEvent(event: ErrorEvent): ErrorEvent {
  for (const part of ['request', 'extra', 'contexts', 'tags'] as const) {
    if (event[part]) Object.assign(event, { [part]: scrub(event[part]) })
  }
  for (const exception of event.exception?.values ?? []) {
    if (exception.value) exception.value = scrubText(exception.value)
  }
  if (event.message) event.message = scrubText(event.message)
  return event
}

/** A copy without secrets: values under telling keys, and credentials inside texts. */
export function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return REDACTED
  if (Array.isArray(value)) return value.map((item) => scrub(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEY.test(key) && inner !== null ? REDACTED : scrub(inner, depth + 1),
    ]),
  )
}

function scrubText(text: string): string {
  return SECRET_TEXT.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text)
}
