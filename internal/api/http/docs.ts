import { type RequestHandler, Router } from 'express'
import { escapeHtml } from '../../platform/html.ts'
import { otherMethods } from '../middleware/other-methods.ts'
import type { AsyncApiDocument } from '../ws/asyncapi.ts'
import type { OpenApiDocument, Operation } from './openapi.ts'

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1e21}
h2{margin-top:2rem;border-bottom:1px solid #ddd}code,summary{font-family:ui-monospace,monospace}
small{color:#666}details{margin:.4rem 0}summary{cursor:pointer}summary b{display:inline-block;width:4.5rem}
pre{background:#f5f6f7;padding:.8rem;overflow:auto;font-size:13px}
@media(prefers-color-scheme:dark){body{background:#18191a;color:#e4e6eb}pre{background:#242526}h2{border-color:#444}small{color:#aaa}}`

export interface Documents {
  openapi: OpenApiDocument
  asyncapi: AsyncApiDocument
}

/** `/openapi.json`, `/asyncapi.json`, `/docs` (one page without scripts, built from them) and `/` leading there. */
export function docsRouter(documents: Documents, publicUrl: string): Router {
  const router = Router()
  const page = docsPage(documents, publicUrl)
  const serve = (path: string, handler: RequestHandler) =>
    router
      .route(path)
      .get(handler)
      .all(otherMethods(['get']))
  for (const [name, document] of Object.entries(documents)) {
    const json = JSON.stringify(document)
    serve(`/${name}.json`, (_request, response) => {
      response.type('application/json').send(json)
    })
  }
  serve('/docs', (_request, response) => {
    response.type('text/html').send(page)
  })
  serve('/', (_request, response) => {
    response.redirect('/docs')
  })
  return router
}

function docsPage({ openapi, asyncapi }: Documents, publicUrl: string): string {
  const sections = new Map<string, string[]>()
  for (const [path, operations] of Object.entries(openapi.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0] ?? ''
      sections.set(tag, [...(sections.get(tag) ?? []), entry(method, path, operation)])
    }
  }
  const body = [...sections].map(([tag, entries]) => `<h2>${escapeHtml(tag)}</h2>${entries.join('')}`)
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>RealChat API</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style>
<h1>RealChat API</h1><p>The whole contract: <a href="/openapi.json">openapi.json</a> for REST,
<a href="/asyncapi.json">asyncapi.json</a> for sockets. Errors are <code>application/problem+json</code> with a stable <code>code</code>.
Sockets are at <code>/socket/websocket</code>; docs/protocol.md says what they speak.</p>
<p>Register or sign in, and send <code>accessToken</code> of the answer with every other request:</p>
<pre>${escapeHtml(firstCalls(publicUrl))}</pre>
${body.join('\n')}
<h2>sockets</h2>${Object.entries(asyncapi.channels).map(channelEntry).join('')}
<h2>Schemas</h2>${schemasOf(openapi)}<h2>Schemas of sockets</h2>${schemasOf(asyncapi)}</html>`
}

function channelEntry([name, channel]: [string, unknown]): string {
  const details = JSON.stringify(channel, null, 2)
  return `<details><summary><b>${escapeHtml(name)}</b></summary><pre>${escapeHtml(details)}</pre></details>`
}

function schemasOf({ components }: OpenApiDocument | AsyncApiDocument): string {
  return `<pre>${escapeHtml(JSON.stringify(components.schemas, null, 2))}</pre>`
}

function firstCalls(url: string): string {
  return `curl ${url}/api/v1/auth/register -H 'content-type: application/json' \\
  -d '{"username": "jane", "password": "correct horse battery"}'
curl ${url}/api/v1/conversations -H 'authorization: Bearer ACCESS_TOKEN'`
}

function entry(method: string, path: string, operation: Operation): string {
  const { summary, parameters, requestBody, responses } = operation
  const details = JSON.stringify({ parameters, requestBody, responses }, null, 2)
  return `<details><summary><b>${method.toUpperCase()}</b> ${escapeHtml(path)} <small>${escapeHtml(summary)}</small></summary>
<p>Scope: ${escapeHtml(operation['x-scope'])}</p><pre>${escapeHtml(details)}</pre></details>`
}
