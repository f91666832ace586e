import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { z } from 'zod'

/** `hang` never answers; `drop` takes the request and breaks the connection without an answer. */
export type FcmBehaviour =
  | { status: 200 | 400 | 401 | 403 | 404 | 429 | 500 | 503; retryAfter?: string; message?: string }
  | 'hang'
  | 'drop'

const sendRequest = z.object({
  message: z.looseObject({
    token: z.string(),
    notification: z.object({ title: z.string(), body: z.string() }).optional(),
    apns: z.looseObject({}).optional(),
    webpush: z.looseObject({}).optional(),
    data: z.record(z.string(), z.string()).optional(),
    android: z.looseObject({ collapse_key: z.string().optional() }).optional(),
  }),
})
export type FcmMessage = z.infer<typeof sendRequest>['message']

export interface FcmRequest {
  path: string
  authorization: string | undefined
  message: FcmMessage
}

export interface FcmStandIn {
  /** For FCM_ENDPOINT. */
  url: string
  requests: FcmRequest[]
  /** Called with every request before it is answered. */
  onRequest: (() => void) | null
  /** What a message gets that no script says anything about; 200 when there is none, or it answers null. */
  behave: ((message: FcmMessage) => FcmBehaviour | null) | null
  /** Messages that arrived for a token, whatever was answered. */
  of(token: string): FcmMessage[]
  /** What the next requests for a token get, in order; 200 after them. */
  script(token: string, ...behaviours: FcmBehaviour[]): void
  close(): Promise<void>
}

const ERRORS: Record<number, { status: string; errorCode: string }> = {
  400: { status: 'INVALID_ARGUMENT', errorCode: 'INVALID_ARGUMENT' },
  401: { status: 'UNAUTHENTICATED', errorCode: 'THIRD_PARTY_AUTH_ERROR' },
  403: { status: 'PERMISSION_DENIED', errorCode: 'SENDER_ID_MISMATCH' },
  404: { status: 'NOT_FOUND', errorCode: 'UNREGISTERED' },
  429: { status: 'RESOURCE_EXHAUSTED', errorCode: 'QUOTA_EXCEEDED' },
  500: { status: 'INTERNAL', errorCode: 'INTERNAL' },
  503: { status: 'UNAVAILABLE', errorCode: 'UNAVAILABLE' },
}

/** Answers as fcm.googleapis.com does (HTTP v1), on a loopback port. */
export async function startFcm(): Promise<FcmStandIn> {
  const requests: FcmRequest[] = []
  const scripts = new Map<string, FcmBehaviour[]>()
  const standIn: Pick<FcmStandIn, 'onRequest' | 'behave'> = { onRequest: null, behave: null }
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const { message } = sendRequest.parse(JSON.parse(body))
    standIn.onRequest?.()
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization, message })
    const scripted = scripts.get(message.token)?.shift() ?? standIn.behave?.(message)
    reply(response, scripted ?? { status: 200 }, requests.length)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return Object.assign(standIn, {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    of: (token: string) =>
      requests.map(({ message }) => message).filter((message) => message.token === token),
    script: (token: string, ...behaviours: FcmBehaviour[]) => {
      scripts.set(token, [...(scripts.get(token) ?? []), ...behaviours])
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  })
}

function reply(response: ServerResponse, behaviour: FcmBehaviour, number: number): void {
  if (behaviour === 'hang') return
  if (behaviour === 'drop') {
    response.socket?.destroy()
    return
  }
  const { status, retryAfter, message } = behaviour
  response.setHeader('content-type', 'application/json')
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
  const known = ERRORS[status]
  if (!known) {
    response.writeHead(200).end(JSON.stringify({ name: `projects/test/messages/${number}` }))
    return
  }
  const details = [
    { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: known.errorCode },
  ]
  response.writeHead(status).end(
    JSON.stringify({
      error: { code: status, message: message ?? known.status, status: known.status, details },
    }),
  )
}
