import { isUtf8 } from 'node:buffer'
import express, { type RequestHandler } from 'express'
import { DomainError, invalid } from '../../domain/errors.ts'
import { duplicateKey } from '../../platform/json-text.ts'
import { nestsDeeperThan } from '../../realtime/index.ts'

// A group's 10,000 members take 390,000 bytes.
export const BODY_MAX_BYTES = 512 * 1024
const DEPTH_MAX = 32
const URL_MAX = 8192

/** Refuses addresses that do not decode, or decode to what no store accepts. */
export const wellFormedUrl: RequestHandler = (request, _response, next) => {
  if (request.url.length > URL_MAX) throw invalid('', 'The address is too long.')
  let decoded: string
  try {
    decoded = decodeURIComponent(request.url)
  } catch {
    throw invalid('', 'The address has a malformed percent-encoding.')
  }
  if (decoded.includes('\0')) throw invalid('', 'The address contains a NUL character.')
  next()
}

// What is checked before the parser reads it must be read by the parser the same way.
const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-8"?\s*(?:;|$))/i

/** Only JSON is read; multipart and tus uploads have their own routers before this one. */
const jsonOnly: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.get('content-length')) > 0
  if (hasBody && (!request.is('application/json') || OTHER_CHARSET.test(request.get('content-type') ?? ''))) {
    throw new DomainError('unsupported_media_type', 'Send application/json in UTF-8.')
  }
  next()
}

const parse = express.json({
  limit: BODY_MAX_BYTES,
  strict: false,
  verify: (_request, _response, bytes) => {
    if (!isUtf8(bytes)) throw invalid('', 'The body is not UTF-8.')
    const text = bytes.toString('utf8')
    if (nestsDeeperThan(text, DEPTH_MAX)) throw invalid('', `The body is nested deeper than ${DEPTH_MAX}.`)
    const twice = duplicateKey(text)
    if (twice !== null) throw invalid('', `The body has the key ${JSON.stringify(twice)} twice.`)
  },
})

/** Escapes can spell what raw UTF-8 cannot: NUL and unpaired surrogates, which no store would return as sent. */
const storableText: RequestHandler = (request, _response, next) => {
  refuseUnstorable(request.body, [])
  next()
}

export const jsonBody: readonly RequestHandler[] = [jsonOnly, parse, storableText]

function refuseUnstorable(value: unknown, path: (string | number)[]): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed()) {
      throw invalid(path.join('.'), 'Contains a NUL character or an unpaired surrogate.')
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseUnstorable(item, [...path, index])
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      refuseUnstorable(key, path)
      refuseUnstorable(item, [...path, key])
    }
  }
}
