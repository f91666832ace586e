import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from '../../domain/errors.ts'
import { type Json, JsonSchemas, zodOf } from '../json-schema.ts'
import { PROBLEMS } from '../problem.ts'
import { fullPath } from './mount.ts'
import type { Route } from './route.ts'

export interface Operation {
  operationId: string
  summary: string
  tags: string[]
  'x-scope': string
  security: Json[]
  parameters?: Json[]
  requestBody?: Json
  responses: Json
}

export interface OpenApiDocument {
  openapi: '3.1.0'
  info: Json
  servers: Json[]
  paths: { [path: string]: { [method: string]: Operation } }
  components: { schemas: Json; securitySchemes: Json }
}

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES),
    detail: z.string(),
    instance: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    retryAfterMs: z.int().optional(),
  })
  .meta({ id: 'Problem' })

/** OpenAPI 3.1 from the declared routes, and `pages` that are no routes. */
export function openApiDocument(
  routes: readonly Route[],
  { publicUrl, version }: { publicUrl: string; version: string },
  pages: OpenApiDocument['paths'] = {},
): OpenApiDocument {
  const schemas = new JsonSchemas('draft-2020-12')
  const paths: OpenApiDocument['paths'] = { ...pages }
  schemas.of(problemSchema)
  for (const route of routes) {
    const path = fullPath(route).replaceAll(/:([A-Za-z]+)/g, '{$1}')
    const operations = paths[path] ?? {}
    operations[route.method] = operation(route, schemas)
    paths[path] = operations
  }
  return {
    openapi: '3.1.0',
    info: { title: 'RealChat', version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      schemas: schemas.components,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  }
}

function operation(route: Route, schemas: JsonSchemas): Operation {
  const parameters = [
    ...parametersOf(route.params, 'path', schemas),
    ...parametersOf(route.query, 'query', schemas),
  ]
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    'x-scope': route.scope,
    security: route.scope === 'open' ? [] : [{ bearer: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: {
        required: !route.body.safeParse({}).success,
        content: { 'application/json': { schema: schemas.of(route.body) } },
      },
    }),
    responses: responsesOf(route, schemas),
  }
}

/** `get /users/:userId/block` → `getUsersUserIdBlock`: stable, and unique as method and path are. */
function operationId(route: Route): string {
  const words = route.path.split(/[^A-Za-z]+/).filter((word) => word !== '')
  return route.method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function parametersOf(schema: z.ZodObject | null, place: 'path' | 'query', schemas: JsonSchemas): Json[] {
  if (!schema) return []
  return Object.entries(schema.shape).map(([name, field]) => {
    const type = zodOf(field)
    const absent = type.safeParse(undefined)
    return {
      name,
      in: place,
      required: place === 'path' || !absent.success,
      schema: {
        ...schemas.of(type),
        ...(absent.data !== undefined && { default: absent.data }),
      },
    }
  })
}

function responsesOf(route: Route, schemas: JsonSchemas): Json {
  const responses: Json = {}
  for (const [status, schema] of Object.entries(route.responses)) {
    responses[status] = {
      description: status === '204' ? 'Done' : 'Success',
      ...(schema && { content: contentOf(schema, schemas) }),
    }
  }
  for (const [status, codes] of byStatus(errorCodesOf(route))) {
    responses[status] = {
      description: codes.join(', '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  }
  return responses
}

function contentOf(schema: z.ZodType, schemas: JsonSchemas): Json {
  const contentType = schema.meta()?.['contentType']
  if (typeof contentType === 'string')
    return { [contentType]: { schema: { type: 'string', format: 'binary' } } }
  return { 'application/json': { schema: schemas.of(schema) } }
}

function errorCodesOf(route: Route): ErrorCode[] {
  const codes = new Set<ErrorCode>([
    'validation_failed',
    'dependency_unavailable',
    'internal',
    ...route.errors,
  ])
  if (route.scope !== 'open') codes.add('unauthenticated').add('forbidden')
  if (route.method !== 'get') codes.add('payload_too_large').add('unsupported_media_type')
  if (route.limits.length > 0) codes.add('rate_limited')
  return [...codes]
}

function byStatus(codes: readonly ErrorCode[]): Map<string, ErrorCode[]> {
  const statuses = new Map<string, ErrorCode[]>()
  for (const code of codes) {
    const status = String(PROBLEMS[code].status)
    statuses.set(status, [...(statuses.get(status) ?? []), code])
  }
  return new Map([...statuses].sort())
}
