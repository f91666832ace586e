import type { OpenApiDocument } from './openapi.ts'

const parameters = [{ name: 'token', in: 'path', required: true, schema: { type: 'string', minLength: 1 } }]

function page(description: string) {
  return { description, content: { 'text/html': { schema: { type: 'string' } } } }
}

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
})

const responses = (done: string) => ({
  200: page(done),
  404: page('no such link'),
  429: problem('too many tries from this address'),
})

const shared = { tags: ['notifications'], 'x-scope': 'open', security: [], parameters }

/** Pages for people and mail programs, which are no JSON and take forms: said here, as no route declares them. */
export const unsubscribePaths: OpenApiDocument['paths'] = {
  '/api/v1/unsubscribe/{token}': {
    get: {
      ...shared,
      operationId: 'getUnsubscribeToken',
      summary: 'A page that asks whether mails about messages shall end; changes nothing',
      responses: responses('the page'),
    },
    post: {
      ...shared,
      operationId: 'postUnsubscribeToken',
      summary: 'End mails about messages (RFC 8058), whatever the body',
      responses: responses('done, or done before'),
    },
  },
}
