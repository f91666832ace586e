import { type Request, type Response, Router } from 'express'
import type { RateLimit, RateLimiter } from '../../service/limit/ports.ts'
import type { Unsubscriptions } from '../../service/notification/unsubscribe.ts'
import { addressKey } from '../client-address.ts'
import { otherMethods } from '../middleware/other-methods.ts'
import { localsOf } from '../middleware/request-context.ts'

const PATH = '/api/v1/unsubscribe/:token'

/** Far more than anybody has mails; far too few to find a token. */
const tries: RateLimit = { name: 'unsubscribe-address', points: 60, seconds: 600, whenDown: 'allow' }

/**
 * The way out of mails, for people and for mail programs (RFC 8058), signed in or not: GET shows a form and
 * changes nothing, so that scanners of links do no harm; POST, with whatever body, ends the mails. Mounted before
 * bodies are read, which are forms here.
 */
export function unsubscribeRouter(unsubscriptions: Unsubscriptions, limiter: RateLimiter): Router {
  const limited = async (request: Request, response: Response): Promise<string> => {
    const locals = localsOf(response)
    locals.route = `${request.method} ${PATH}`
    await limiter.consume(tries, addressKey(locals.address))
    return String(request.params['token'])
  }
  const router = Router({ caseSensitive: true })
  router.get(PATH, async (request, response) => {
    const token = await limited(request, response)
    show(response, (await unsubscriptions.isKnown(token)) ? QUESTION : UNKNOWN)
  })
  router.post(PATH, async (request, response) => {
    const token = await limited(request, response)
    show(response, (await unsubscriptions.end(token)) ? DONE : UNKNOWN)
  })
  router.all(PATH, otherMethods(['get', 'post']))
  return router
}

interface Page {
  status: 200 | 404
  html: string
}

function show(response: Response, { status, html }: Page): void {
  response
    .status(status)
    .set('cache-control', 'no-store')
    .set('x-robots-tag', 'noindex')
    .type('html')
    .send(html)
}

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}
button{font:inherit;font-weight:600;padding:.6rem 1.1rem;border:0;border-radius:.5rem;background:#1858c9;color:#fff;cursor:pointer}`

// Nothing of the request is in any page. The form goes to the page's own address.
const QUESTION = page(
  200,
  'No more mails about messages?',
  `<p>You will not be told of unread messages by mail any more. Mails about the security of your account still come.</p>
<form method="post"><button type="submit">Unsubscribe</button></form>`,
)
const DONE = page(
  200,
  'You get no more mails about messages',
  '<p>You can turn them on again in the notification settings. Mails about the security of your account still come.</p>',
)
const UNKNOWN = page(
  404,
  'This link does not work',
  '<p>It may have been cut off: copy all of it from the mail. Or turn mails off in the notification settings.</p>',
)

function page(status: Page['status'], title: string, content: string): Page {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
${content}
</body>
</html>
`
  return { status, html }
}
