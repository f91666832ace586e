import { pipeline } from 'node:stream/promises'
import type { NextFunction, Request, Response, Router } from 'express'
import type { z } from 'zod'
import { DomainError } from '../../domain/errors.ts'
import type { Actor } from '../../domain/user.ts'
import type { RateLimiter } from '../../service/limit/ports.ts'
import type { Authenticator } from '../authenticator.ts'
import { addressKey } from '../client-address.ts'
import { bearerToken } from '../middleware/bearer.ts'
import { otherMethods } from '../middleware/other-methods.ts'
import { localsOf } from '../middleware/request-context.ts'
import {
  FileAnswer,
  type Method,
  type Reply,
  type RequestContext,
  type Route,
  type RouteLimit,
} from './route.ts'

const API_PREFIX = '/api/v1'

export interface MountDeps {
  authenticator: Authenticator
  limiter: RateLimiter
  /** Checks every answer against its schema, so that tests find a lying document. */
  checkResponses: boolean
}

/** Mounts every route, and on each path answers other methods with 405 and `Allow`. */
export function mountRoutes(router: Router, routes: readonly Route[], deps: MountDeps): void {
  for (const [path, methods] of byPath(routes)) {
    const mounted = router.route(path)
    for (const [method, route] of methods) mounted[method](handler(route, deps))
    mounted.all(otherMethods([...methods.keys()]))
  }
}

/** Full path in express's notation. */
export function fullPath(route: Route): string {
  return route.root ? route.path : API_PREFIX + route.path
}

/** Paths with literal segments come before those with parameters: /users/me before /users/:userId. */
function byPath(routes: readonly Route[]): [string, Map<Method, Route>][] {
  const paths = new Map<string, Map<Method, Route>>()
  for (const route of routes) {
    const path = fullPath(route)
    const methods = paths.get(path) ?? new Map<Method, Route>()
    if (methods.has(route.method)) throw new Error(`${route.method} ${path} is declared twice`)
    paths.set(path, methods.set(route.method, route))
  }
  const rank = (path: string) => path.replaceAll(/:[A-Za-z]+/g, '\uffff')
  return [...paths].sort(([a], [b]) => (rank(a) < rank(b) ? -1 : 1))
}

function handler(route: Route, deps: MountDeps) {
  return async (request: Request, response: Response, _next: NextFunction): Promise<void> => {
    const context: RequestContext = {
      id: localsOf(response).requestId,
      address: localsOf(response).address,
      userAgent: request.get('user-agent')?.slice(0, 300) ?? '',
    }
    localsOf(response).route = `${request.method} ${fullPath(route)}`
    await takeLimits(route.limits, 'address', addressKey(context.address), deps.limiter)
    const actor = await actorOf(route, request, deps.authenticator)
    if (actor) {
      localsOf(response).userId = actor.userId
      await takeLimits(route.limits, 'user', actor.userId, deps.limiter)
    }
    const raw = { params: { ...request.params }, query: { ...request.query }, body: bodyOf(request) }
    const reply = await route.invoke(actor, raw, context)
    if (deps.checkResponses) checkReply(route, reply)
    await send(route, response, reply)
  }
}

/** A missing body is an empty one, so that a body of optional fields may be left out. */
function bodyOf(request: Request): unknown {
  return request.body === undefined ? {} : request.body
}

async function takeLimits(
  limits: readonly RouteLimit[],
  by: RouteLimit['by'],
  key: string,
  limiter: RateLimiter,
): Promise<void> {
  for (const limit of limits) if (limit.by === by) await limiter.consume(limit, key)
}

async function actorOf(route: Route, request: Request, authenticator: Authenticator): Promise<Actor | null> {
  if (route.scope === 'open') return null
  const actor = await authenticator.authenticate(bearerToken(request))
  if (route.scope === 'session') {
    if (actor.personalTokenId === undefined) return actor
    throw new DomainError('forbidden', 'A personal access token cannot do this; sign in.')
  }
  if (actor.scopes.has(route.scope)) return actor
  throw new DomainError('forbidden', `This needs the scope ${route.scope}.`)
}

function checkReply(route: Route, { status, body }: Reply<unknown, unknown>): void {
  const schema = route.responses[Number(status)]
  if (schema === undefined) throw new Error(`${route.method} ${route.path}: ${status} is not declared`)
  if (schema === null && body !== undefined) throw new Error(`${route.path}: ${status} has no body`)
  schema?.parse(body)
}

async function send(
  route: Route,
  response: Response,
  { status, body }: Reply<unknown, unknown>,
): Promise<void> {
  response.status(Number(status))
  if (body instanceof FileAnswer) return sendFile(route.responses[Number(status)], response, body)
  if (body === undefined) response.end()
  else response.json(body)
}

/** A file that cannot be read to its end is cut off, so that nobody takes it for whole. */
async function sendFile(
  schema: z.ZodType | null | undefined,
  response: Response,
  { name, content }: FileAnswer,
): Promise<void> {
  response.attachment(name).type(String(schema?.meta()?.['contentType'])).set('cache-control', 'no-store')
  try {
    await pipeline(content, response)
  } catch (error) {
    // Whoever went away needs no answer, and is no fault.
    if (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') return
    throw error
  }
}
