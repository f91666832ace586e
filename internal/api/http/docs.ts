import { Router } from 'express'
import type { OpenApiDocument, Operation } from './openapi.ts'

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1e21}
h2{margin-top:2rem;border-bottom:1px solid #ddd}code,summary{font-family:ui-monospace,monospace}
details{margin:.4rem 0}summary{cursor:pointer}summary b{display:inline-block;width:4.5rem}
pre{background:#f5f6f7;padding:.8rem;overflow:auto;font-size:13px}
@media(prefers-color-scheme:dark){body{background:#18191a;color:#e4e6eb}pre{background:#242526}h2{border-color:#444}}`

/** `/openapi.json`, `/docs` (one page without scripts, built from that document) and `/` leading there. */
export function docsRouter(document: OpenApiDocument): Router {
  const router = Router()
  const json = JSON.stringify(document)
  const page = docsPage(document)
  router.get('/openapi.json', (_request, response) => {
    response.type('application/json').send(json)
  })
  router.get('/docs', (_request, response) => {
    response.type('text/html').send(page)
  })
  router.get('/', (_request, response) => {
    response.redirect('/docs')
  })
  return router
}

function docsPage(document: OpenApiDocument): string {
  const sections = new Map<string, string[]>()
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0] ?? ''
      sections.set(tag, [...(sections.get(tag) ?? []), entry(method, path, operation)])
    }
  }
  const body = [...sections].map(([tag, entries]) => `<h2>${escapeHtml(tag)}</h2>${entries.join('')}`)
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>RealChat API</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style>
<h1>RealChat API</h1><p>The whole contract: <a href="/openapi.json">openapi.json</a>.
Errors are <code>application/problem+json</code> with a stable <code>code</code>.</p>
${body.join('\n')}
<h2>Schemas</h2><pre>${escapeHtml(JSON.stringify(document.components.schemas, null, 2))}</pre></html>`
}

function entry(method: string, path: string, operation: Operation): string {
  const { summary, parameters, requestBody, responses } = operation
  const details = JSON.stringify({ parameters, requestBody, responses }, null, 2)
  return `<details><summary><b>${method.toUpperCase()}</b> ${escapeHtml(path)}</summary>
<p>${escapeHtml(summary)} (scope: ${escapeHtml(operation['x-scope'])})</p><pre>${escapeHtml(details)}</pre></details>`
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
