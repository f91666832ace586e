import { createServer, type Server } from 'node:http'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'

export interface Operations {
  health: Health
  metrics: Metrics
  version: string
}

export interface OperationsAnswer {
  status: 200 | 503
  type: string
  body: string
}

export const OPERATIONS_PATHS = ['/health', '/health/live', '/health/ready', '/metrics'] as const
export type OperationsPath = (typeof OPERATIONS_PATHS)[number]

/** The answers of the operations routes, whatever serves them. */
export async function answerOperations(
  path: OperationsPath,
  { health, metrics, version }: Operations,
): Promise<OperationsAnswer> {
  if (path === '/health/live') return json(200, { status: 'up' })
  if (path === '/metrics') {
    return { status: 200, type: metrics.registry.contentType, body: await metrics.registry.metrics() }
  }
  const report = await health.report()
  const able = report.status === 'up' || report.status === 'degraded'
  return json(able ? 200 : 503, path === '/health' ? { ...report, version } : report)
}

function json(status: 200 | 503, body: unknown): OperationsAnswer {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(body) }
}

/** The operations routes on a server of their own, for processes without an API. */
export function operationsServer(operations: Operations): Server {
  return createServer({ requestTimeout: 10_000 }, (request, response) => {
    const path = OPERATIONS_PATHS.find((known) => known === request.url?.split('?', 1)[0])
    if (!path || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(path ? 405 : 404, path && { allow: 'GET, HEAD' }).end()
      return
    }
    answerOperations(path, operations).then(
      ({ status, type, body }) =>
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body),
      (error: Error) => response.destroy(error),
    )
  })
}
