import express, { type Express, type Router } from 'express'
import helmet from 'helmet'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { RateLimiter } from '../../service/limit/ports.ts'
import type { Authenticator } from '../authenticator.ts'
import { trustProxies } from '../client-address.ts'
import { admission } from '../middleware/admission.ts'
import { cors } from '../middleware/cors.ts'
import { failure, unknownRoute } from '../middleware/failure.ts'
import { requestContext } from '../middleware/request-context.ts'
import { jsonBody, wellFormedUrl } from '../middleware/well-formed.ts'
import { asyncApiDocument, type DocumentedTopic } from '../ws/asyncapi.ts'
import { docsRouter } from './docs.ts'
import { mountRoutes } from './mount.ts'
import { openApiDocument } from './openapi.ts'
import { operationsPaths } from './operations-document.ts'
import type { Route } from './route.ts'
import { unsubscribePaths } from './unsubscribe-document.ts'

export interface HttpAppOptions {
  routes: readonly Route[]
  /** What sockets can join, for the document. */
  topics: readonly DocumentedTopic[]
  authenticator: Authenticator
  limiter: RateLimiter
  logger: Logger
  clock: Clock
  /** Where clients reach the service, for the document's `servers`. */
  publicUrl: string
  version: string
  corsOrigins: readonly string[]
  trustedProxies: readonly string[]
  /** Mounted at / before bodies are read: health, metrics, uploads. */
  routers?: readonly Router[]
  /** Milliseconds after which to try again when this node cannot take on more; null when it can. */
  refusesWork?: () => number | null
  /** Told of every internal error, for error tracking. */
  report?: (error: unknown) => void
  /** Checks every answer against its schema (tests). */
  checkResponses?: boolean
}

/** The whole HTTP surface as an express application; the caller listens. */
export function createHttpApp(options: HttpAppOptions): Express {
  const { routes, authenticator, limiter, logger } = options
  const app = express()
  const trust = trustProxies(options.trustedProxies)
  app.set('trust proxy', trust)
  app.set('etag', false)
  app.set('case sensitive routing', true)
  app.disable('x-powered-by')
  app.use(requestContext(logger, options.clock.now, trust))
  app.use(
    helmet({
      crossOriginResourcePolicy: { policy: 'cross-origin' },
      // Whether there is TLS is for the proxy in front to say; on plain HTTP this would break /docs.
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    }),
  )
  app.use(cors([...options.corsOrigins, new URL(options.publicUrl).origin]))
  app.use(wellFormedUrl)
  for (const router of options.routers ?? []) app.use(router)
  const documents = {
    openapi: openApiDocument(routes, options, { ...unsubscribePaths, ...operationsPaths }),
    asyncapi: asyncApiDocument(options.topics, options),
  }
  app.use(docsRouter(documents, options.publicUrl))
  if (options.refusesWork) app.use(admission(options.refusesWork))
  app.use(...jsonBody)
  const deps = { authenticator, limiter, checkResponses: options.checkResponses ?? false }
  mountRoutes(app, routes, deps)
  app.use(unknownRoute)
  app.use(failure(logger, options.report ?? (() => {})))
  return app
}
