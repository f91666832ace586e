import { type RequestHandler, Router } from 'express'
import type { Metrics } from '../../platform/metrics.ts'
import { answerOperations, OPERATIONS_PATHS, type Operations } from '../../platform/operations.ts'
import { otherMethods } from '../middleware/other-methods.ts'

/** As nginx has it: the client went away before it was answered. */
const CLIENT_CLOSED = 499

/** `/health`, `/health/live`, `/health/ready` and `/metrics`: open, no prefix, no body read. */
export function operationsRouter(operations: Operations): Router {
  const router = Router({ caseSensitive: true })
  for (const path of OPERATIONS_PATHS) {
    const route = router.route(path)
    route.get(async (_request, response) => {
      const { status, type, body } = await answerOperations(path, operations)
      response.status(status).set('content-type', type).set('cache-control', 'no-store').send(body)
    })
    route.all(otherMethods(['get']))
  }
  return router
}

/** Observes every request's duration under its route's pattern; mount it before the routes. */
export function observeHttp(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    const began = performance.now()
    response.once('close', () => {
      const pattern: unknown = request.route?.path
      metrics.observeHttp({
        method: request.method,
        route: typeof pattern === 'string' ? request.baseUrl + pattern : undefined,
        status: response.writableFinished ? response.statusCode : CLIENT_CLOSED,
        seconds: (performance.now() - began) / 1000,
      })
    })
    next()
  }
}
