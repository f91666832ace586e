import type { RequestHandler } from 'express'

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const MAX_AGE_S = '600'

/** True when a page of this origin may call us; `*` in the list allows all. */
function originAllowed(origin: string, allowed: readonly string[]): boolean {
  return allowed.includes('*') || allowed.includes(origin)
}

/**
 * Answers to pages of the listed origins. Nothing is sent for others, so that their browsers refuse;
 * tokens travel in a header, never in a cookie, so credentials are not allowed.
 */
export function cors(allowed: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const origin = request.get('origin')
    response.vary('Origin')
    if (origin === undefined || !originAllowed(origin, allowed)) return next()
    response.set('Access-Control-Allow-Origin', origin)
    response.set('Access-Control-Expose-Headers', 'X-Request-Id, Retry-After, Location')
    if (request.method !== 'OPTIONS' || !request.get('access-control-request-method')) return next()
    response.set('Access-Control-Allow-Methods', METHODS)
    response.set('Access-Control-Allow-Headers', 'Authorization, Content-Type, X-Request-Id')
    response.set('Access-Control-Max-Age', MAX_AGE_S)
    response.status(204).end()
  }
}
