import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Refusal, RefusalError, refusal } from './refusal.ts'

/** HTTP statuses of the refusals known at connect; anything else is 500. */
export const UPGRADE_STATUS: Record<string, number> = {
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  rate_limited: 429,
  overloaded: 503,
  dependency_unavailable: 503,
}

export function refuseWith(code: string, message: string, retryAfterMs?: number): never {
  throw new RefusalError(refusal(code, message, retryAfterMs))
}

/** Answers an upgrade in plain HTTP and ends the connection: published clients then back off. */
export function writeRefusal(socket: Duplex, refused: Refusal): void {
  const status = UPGRADE_STATUS[refused.code] ?? 500
  const title = STATUS_CODES[status] ?? 'Error'
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status,
    code: refused.code,
    detail: refused.message,
    ...(refused.retryAfterMs === undefined ? {} : { retryAfterMs: refused.retryAfterMs }),
  })
  const headers = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
  ]
  if (refused.retryAfterMs !== undefined)
    headers.push(`Retry-After: ${Math.ceil(refused.retryAfterMs / 1000)}`)
  if (status === 401) headers.push('WWW-Authenticate: Bearer')
  socket.once('finish', () => socket.destroy())
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`)
}
