import type { ErrorRequestHandler, RequestHandler } from 'express'
import { notFound } from '../../domain/errors.ts'
import type { Logger } from '../../platform/logger.ts'
import { problemOf, toDomainError } from '../problem.ts'
import { localsOf } from './request-context.ts'

/** Every address that no route claimed. */
export const unknownRoute: RequestHandler = () => {
  throw notFound('route')
}

/** Turns whatever was thrown into a problem document; only what is ours to mend is logged as an error. */
export function failure(logger: Logger, report: (error: unknown) => void): ErrorRequestHandler {
  return (error, request, response, next) => {
    const { requestId } = localsOf(response)
    const known = toDomainError(error)
    const problem = problemOf(known, requestId, request.path)
    if (known.code === 'internal') {
      logger.error({ requestId, err: error }, 'request failed')
      report(error)
    } else if (problem.status >= 500) {
      logger.warn({ requestId, code: known.code, err: known.cause }, 'request refused')
    }
    if (response.headersSent) return next(error)
    if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer realm="realchat"')
    if (problem.retryAfterMs !== undefined) {
      response.set('Retry-After', String(Math.max(1, Math.ceil(problem.retryAfterMs / 1000))))
    }
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem))
  }
}
