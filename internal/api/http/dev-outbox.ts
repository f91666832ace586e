import { Router } from 'express'
import { notFound } from '../../domain/errors.ts'
import { escapeHtml } from '../../platform/html.ts'
import type { OutboxEntry, OutboxReader } from '../../service/notification/ports.ts'

const NEWEST = 200
const REFRESH_MS = 1000
const REFRESH_SECONDS = 5

/**
 * What would have been pushed or mailed, for developers: `GET /dev/outbox` and `/dev/outbox.json`, and of each mail
 * how it looks, `/dev/outbox/:id`. It shows codes and messages to whoever can reach it; mount it in standalone
 * and in development only.
 */
export function devOutboxRouter(outbox: OutboxReader): Router {
  const router = Router({ caseSensitive: true })
  router.get('/dev/outbox.json', async (_request, response) => {
    response.set('cache-control', 'no-store').json({ items: await outbox.newest(NEWEST), nextCursor: null })
  })
  router.get('/dev/outbox', async (_request, response) => {
    const html = page(await outbox.newest(NEWEST))
    response.set('cache-control', 'no-store').type('html').send(html)
  })
  router.get('/dev/outbox.js', (_request, response) => {
    response.set('cache-control', 'no-store').type('js').send(SCRIPT)
  })
  router.get('/dev/outbox/:id', async (request, response) => {
    const entry = (await outbox.newest(NEWEST)).find(({ id }) => String(id) === request.params.id)
    const html = entry && htmlOf(entry)
    if (html === undefined) throw notFound('mail')
    // As mail programs show it: styles of its own and nothing else.
    response.set('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
    response.set('cache-control', 'no-store').type('html').send(html)
  })
  return router
}

/** The HTML part of a mail; undefined for everything else. */
function htmlOf({ channel, payload }: OutboxEntry): string | undefined {
  if (channel !== 'email' || typeof payload !== 'object' || payload === null) return undefined
  return 'html' in payload && typeof payload.html === 'string' ? payload.html : undefined
}

/** Puts in what is new once a second, and leaves the page as it is while nothing is: no flicker, no lost place. */
const SCRIPT = `let shown = ''
setInterval(async () => {
  if (document.hidden) return
  try {
    const answer = await fetch('/dev/outbox')
    if (!answer.ok) throw new Error(answer.statusText)
    const text = await answer.text()
    document.title = 'Developer outbox'
    if (text === shown) return
    shown = text
    const fresh = new DOMParser().parseFromString(text, 'text/html').querySelector('main')
    document.querySelector('main').replaceWith(fresh)
  } catch {
    document.title = 'Developer outbox (not reached)'
  }
}, ${REFRESH_MS})
`

/** Nothing inline, so that a policy that allows the origin's own scripts shows it. */
function page(entries: readonly OutboxEntry[]): string {
  const rows = entries.map(row).join('\n')
  const empty =
    '<p>Nothing yet: ask for a code by mail, or send a message to somebody who is away and has a push token.</p>'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<noscript><meta http-equiv="refresh" content="${REFRESH_SECONDS}"></noscript>
<script src="/dev/outbox.js" defer></script>
<meta name="viewport" content="width=device-width">
<title>Developer outbox</title>
</head>
<body>
<h1>Developer outbox</h1>
<p>What would have been sent, newest first (at most ${NEWEST}).</p>
<main>
${entries.length === 0 ? empty : `<table border="1" cellpadding="4">\n${HEAD}\n${rows}\n</table>`}
</main>
</body>
</html>
`
}

const HEAD = '<tr><th>When</th><th>Channel</th><th>To</th><th>Title</th><th>Text</th><th>Data</th></tr>'

function row(entry: OutboxEntry): string {
  const { id, createdAt, channel, recipient, title, body, payload } = entry
  const cells = [createdAt, channel, recipient, title].map(escapeHtml)
  if (htmlOf(entry) === undefined) cells.push(escapeHtml(body), escapeHtml(JSON.stringify(payload)))
  else cells.push(`<pre>${escapeHtml(body)}</pre>`, `<a href="/dev/outbox/${id}">as it looks</a>`)
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
}
