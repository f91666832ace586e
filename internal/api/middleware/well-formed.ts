import { isUtf8 } from 'node:buffer'
import express, { type RequestHandler } from 'express'
import { DomainError, invalid } from '../../domain/errors.ts'

export const BODY_MAX_BYTES = 256 * 1024
const DEPTH_MAX = 32
const URL_MAX = 8192

/** Refuses addresses that do not decode, or decode to what no store accepts. */
export const wellFormedUrl: RequestHandler = (request, _response, next) => {
  if (request.url.length > URL_MAX) throw invalid('', 'The address is too long.')
  let decoded: string
  try {
    decoded = decodeURIComponent(request.url)
  } catch (error) {
    throw new DomainError('validation_failed', 'The address has a malformed percent-encoding.', {
      cause: error,
    })
  }
  if (decoded.includes('\0')) throw invalid('', 'The address contains a NUL character.')
  next()
}

/** Only JSON is read; multipart and tus uploads have their own routers before this one. */
const jsonOnly: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.get('content-length')) > 0
  if (hasBody && !request.is('application/json')) {
    throw new DomainError('unsupported_media_type', 'Send application/json.')
  }
  next()
}

const parse = express.json({
  limit: BODY_MAX_BYTES,
  strict: false,
  verify: (_request, _response, bytes) => {
    if (!isUtf8(bytes)) throw invalid('', 'The body is not UTF-8.')
    if (depthOf(bytes) > DEPTH_MAX) throw invalid('', `The body is nested deeper than ${DEPTH_MAX}.`)
  },
})

/** Escapes can spell what raw UTF-8 cannot: NUL and unpaired surrogates, which no store would return as sent. */
const storableText: RequestHandler = (request, _response, next) => {
  refuseUnstorable(request.body, [])
  next()
}

export const jsonBody: readonly RequestHandler[] = [jsonOnly, parse, storableText]

const [QUOTE, BACKSLASH, OPEN_LIST, OPEN_MAP, CLOSE_LIST, CLOSE_MAP] = [0x22, 0x5c, 0x5b, 0x7b, 0x5d, 0x7d]

/** Deepest nesting of a JSON text; strings do not count. */
function depthOf(bytes: Buffer): number {
  let depth = 0
  let deepest = 0
  let quoted = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (quoted) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) quoted = false
    } else if (byte === QUOTE) quoted = true
    else if (byte === OPEN_LIST || byte === OPEN_MAP) deepest = Math.max(deepest, ++depth)
    else if (byte === CLOSE_LIST || byte === CLOSE_MAP) depth--
  }
  return deepest
}

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
