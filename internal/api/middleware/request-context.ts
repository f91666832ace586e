import type { RequestHandler, Response } from 'express'
import { uuidv7 } from '../../domain/ids.ts'
import type { Logger } from '../../platform/logger.ts'
import { clientAddress, type TrustProxy } from '../client-address.ts'

/** What middleware leaves for those after it. */
export interface RequestLocals {
  requestId: string
  /** The client's, behind trusted proxies too. */
  address: string
  /** Method and declared path; null until a route was found. */
  route: string | null
  userId: string | null
}

const locals = new WeakMap<Response, RequestLocals>()
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/

export function localsOf(response: Response): RequestLocals {
  const found = locals.get(response)
  if (!found) throw new Error('requestContext must be the first middleware')
  return found
}

/** Takes a well-formed X-Request-Id or makes one, answers it, and logs one line when the answer is out. */
export function requestContext(logger: Logger, now: () => number, trust: TrustProxy): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id') ?? ''
    const requestId = REQUEST_ID.test(given) ? given : uuidv7(now())
    const started = now()
    locals.set(response, { requestId, address: clientAddress(request, trust), route: null, userId: null })
    response.set('X-Request-Id', requestId)
    response.on('close', () => {
      const { route, userId } = localsOf(response)
      logger.info(
        {
          requestId,
          // The declared path, not the one asked for: that may hold an invite code or a token.
          route: route ?? `${request.method} (unknown)`,
          status: response.statusCode,
          ms: now() - started,
          ...(userId && { userId }),
          ...(!response.writableFinished && { aborted: true }),
        },
        'request',
      )
    })
    next()
  }
}
