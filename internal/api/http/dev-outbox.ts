import { Router } from 'express'
import { escapeHtml } from '../../platform/html.ts'
import type { OutboxEntry, OutboxReader } from '../../service/notification/ports.ts'

const NEWEST = 200
const REFRESH_SECONDS = 5

/**
 * What would have been pushed or mailed, for developers: `GET /dev/outbox` and `/dev/outbox.json`. It shows
 * messages to whoever can reach it; mount it in standalone only.
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
  return router
}

/** No script and no style of its own, so that the strictest policy shows it. */
function page(entries: readonly OutboxEntry[]): string {
  const rows = entries.map(row).join('\n')
  const empty =
    '<p>Nothing yet: ask for a code by mail, or send a message to somebody who is away and has a push token.</p>'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<meta name="viewport" content="width=device-width">
<title>Developer outbox</title>
</head>
<body>
<h1>Developer outbox</h1>
<p>What would have been sent, newest first (at most ${NEWEST}).</p>
${entries.length === 0 ? empty : `<table border="1" cellpadding="4">\n${HEAD}\n${rows}\n</table>`}
</body>
</html>
`
}

const HEAD = '<tr><th>When</th><th>Channel</th><th>To</th><th>Title</th><th>Text</th><th>Data</th></tr>'

function row({ createdAt, channel, recipient, title, body, payload }: OutboxEntry): string {
  const cells = [createdAt, channel, recipient, title, body, JSON.stringify(payload)]
  return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`
}
