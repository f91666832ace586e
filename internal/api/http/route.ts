import type { Readable } from 'node:stream'
import { z } from 'zod'
import { DomainError, type ErrorCode, type FieldError } from '../../domain/errors.ts'
import type { Actor, Scope } from '../../domain/user.ts'
import type { RateLimit } from '../../service/limit/ports.ts'
import { fieldErrors } from '../field-errors.ts'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** Who may call: a scope; `session` for a person's own sign-in only, never a personal token; or anybody. */
export type RouteScope = Scope | 'session' | 'open'

export type RouteTag =
  | 'auth'
  | 'keys'
  | 'users'
  | 'conversations'
  | 'messages'
  | 'search'
  | 'media'
  | 'notifications'
  | 'admin'

export interface RouteLimit extends RateLimit {
  by: 'address' | 'user'
}

/** Status → schema of its body, null for none. The first is what a plainly returned value answers. */
export type Responses = { readonly [status: number]: z.ZodType | null }
type None = z.ZodObject<Record<never, never>>

/** What a handler may want to know of the request beside its validated parts. */
export interface RequestContext {
  id: string
  /** The client's address, behind trusted proxies too. */
  address: string
  userAgent: string
}

/** An answer that is a file, streamed and never held whole. */
export class FileAnswer {
  readonly name: string
  readonly content: Readable

  constructor(name: string, content: Readable) {
    this.name = name
    this.content = content
  }
}

/** The schema of an answer that is a file. */
export function fileOf(contentType: string) {
  return z.instanceof(FileAnswer).meta({ contentType })
}

type BodyFor<Schema> = Schema extends z.ZodType ? z.input<Schema> : undefined
export interface Reply<Status, Body> {
  status: Status
  body: Body
}
type ReplyFor<R extends Responses> = {
  [S in keyof R]: Reply<S, BodyFor<R[S]>>
}[keyof R]
type ActorFor<S extends RouteScope> = S extends 'open' ? null : Actor

export interface RouteDefinition<
  S extends RouteScope,
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
  R extends Responses,
> {
  method: Method
  /** Express path under /api/v1 (or under / with `root`), for example `/users/:userId`. */
  path: string
  root?: boolean
  summary: string
  tag: RouteTag
  scope: S
  params?: P
  query?: Q
  body?: B
  responses: R
  /** Failures beyond those every route has, for the documentation. */
  errors?: readonly ErrorCode[]
  limits?: readonly RouteLimit[]
  /** Reads its input, calls one service method, presents. `answer()` chooses among several statuses. */
  handle(input: {
    actor: ActorFor<S>
    params: z.output<P>
    query: z.output<Q>
    body: z.output<B>
    request: RequestContext
  }): Promise<ReplyFor<R>>
}

/** The unvalidated parts of a request. */
export interface RawInput {
  params: unknown
  query: unknown
  body: unknown
}

/** A declared route with its types erased: validation happens inside `invoke`. */
export interface Route {
  method: Method
  path: string
  root: boolean
  summary: string
  tag: RouteTag
  scope: RouteScope
  params: z.ZodObject | null
  query: z.ZodObject | null
  body: z.ZodType | null
  responses: Responses
  errors: readonly ErrorCode[]
  limits: readonly RouteLimit[]
  /** @throws DomainError `validation_failed` naming every field that is wrong; whatever the service throws. */
  invoke(actor: Actor | null, raw: RawInput, request: RequestContext): Promise<Reply<unknown, unknown>>
}

/** Declares a route once: its mounting, validation, types and documentation all come from here. */
export function route<
  S extends RouteScope,
  const R extends Responses,
  P extends z.ZodObject = None,
  Q extends z.ZodObject = None,
  B extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<S, P, Q, B, R>): Route {
  const { method, path, summary, tag, scope, responses } = definition
  const params = definition.params ?? null
  const query = definition.query ?? null
  const body = definition.body ?? null
  return {
    method,
    path,
    root: definition.root ?? false,
    summary,
    tag,
    scope,
    params,
    query,
    body,
    responses,
    errors: definition.errors ?? [],
    limits: definition.limits ?? [],
    invoke: async (actor, raw, request) => {
      const faults: FieldError[] = []
      const input = {
        // The caller authenticates by `scope`, so that the actor is null exactly when the scope is `open`.
        actor: actor as ActorFor<S>,
        params: check(params, raw.params, faults) as z.output<P>,
        query: check(query, raw.query, faults) as z.output<Q>,
        body: check(body, raw.body, faults) as z.output<B>,
        request,
      }
      if (faults.length > 0) {
        throw new DomainError('validation_failed', 'The request is not valid.', { errors: faults })
      }
      return definition.handle(input)
    },
  }
}

/** Names one of a route's declared answers. */
export function answer<const Status extends number, Body>(status: Status, body: Body): Reply<Status, Body> {
  return { status, body }
}

export const NO_CONTENT = answer(204, undefined)

function check(schema: z.ZodType | null, value: unknown, faults: FieldError[]): unknown {
  if (!schema) return undefined
  const result = schema.safeParse(value)
  if (result.success) return result.data
  faults.push(...fieldErrors(result.error))
  return undefined
}
