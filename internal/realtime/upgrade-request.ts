import type { IncomingMessage } from 'node:http'
import { type SerializerVersion, versionOf } from './codec.ts'

export interface UpgradeRequest {
  path: string
  /** Null for a version this server does not speak. */
  version: SerializerVersion | null
  token: string | null
  origin: string | null
  /** What the answer's `Sec-WebSocket-Protocol` must be. */
  subprotocol: 'phoenix' | null
}

const BEARER = 'base64url.bearer.phx.'
/** Longest token looked at; longer ones are refused as bad. */
const MAX_TOKEN = 8192

/** What a Phoenix client says in its upgrade; unknown query parameters are ignored. */
export function readUpgrade(request: IncomingMessage): UpgradeRequest {
  const url = request.url ?? ''
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const parameters = new URLSearchParams(mark < 0 ? '' : url.slice(mark))
  const offers = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((offer) => offer.trim())
  const bearer = offers.find((offer) => offer.startsWith(BEARER))
  const token = bearer === undefined ? parameters.get('token') : decodeToken(bearer.slice(BEARER.length))
  return {
    path,
    version: versionOf(parameters.get('vsn')),
    token: token && token.length <= MAX_TOKEN ? token : null,
    origin: request.headers.origin ?? null,
    subprotocol: bearer !== undefined || offers.includes('phoenix') ? 'phoenix' : null,
  }
}

/** Either alphabet, padded or not, as the published clients differ in it; null when it is neither. */
function decodeToken(encoded: string): string | null {
  if (!/^[\w+/-]+={0,2}$/.test(encoded)) return null
  return Buffer.from(encoded, 'base64').toString('utf8')
}
