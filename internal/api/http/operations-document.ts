import type { OpenApiDocument, Operation } from './openapi.ts'

const report = { content: { 'application/json': { schema: { type: 'object' } } } }
const up = { '200': { description: 'Yes', ...report } }
const down = { '503': { description: 'It cannot do its work, or drains', ...report } }

/** For whoever watches the process; served without a `route()`, as it has to answer when little else does. */
export const operationsPaths: OpenApiDocument['paths'] = {
  '/health': { get: watched('getHealth', 'How it is, row by row, and its version', { ...up, ...down }) },
  '/health/live': { get: watched('getHealthLive', 'Whether it answers at all', up) },
  '/health/ready': { get: watched('getHealthReady', 'Whether it can do its work', { ...up, ...down }) },
  '/metrics': {
    get: watched('getMetrics', 'Numbers for Prometheus', {
      '200': { description: 'Numbers', content: { 'text/plain': { schema: { type: 'string' } } } },
    }),
  },
}

function watched(operationId: string, summary: string, responses: Operation['responses']): Operation {
  return { operationId, summary, tags: ['operations'], 'x-scope': 'open', security: [], responses }
}
