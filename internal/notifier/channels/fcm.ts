import { Agent as HttpsAgent } from 'node:https'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type App, cert, deleteApp, initializeApp } from 'firebase-admin/app'
import { getMessaging, type Messaging, type SendResponse } from 'firebase-admin/messaging'
import { z } from 'zod'
import type { Logger } from '../../platform/logger.ts'
import type { PushMessage, PushSender, SendOutcome } from '../ports.ts'
import { fcmMessage } from './fcm-message.ts'
import { outcomeOf } from './fcm-outcome.ts'

export interface FcmOptions {
  projectId: string
  /** The service account's key as JSON; not used with an endpoint. */
  serviceAccount: string
  /** A stand-in for fcm.googleapis.com (`http://host:port` or `https://…`); null for the real one. */
  endpoint: string | null
  /** Where web notifications lead to, without a trailing slash; opened as a link when it is https. */
  publicUrl: string
  logger: Logger
  /** Told of errors that only an operator can mend. */
  alarm(error: unknown): void
}

/** Messages under way at once in one call: each is a request of its own. */
const SLICE = 100
/** No request starts later than this after the call, so that a claim outlives its send. */
const START_WITHIN_MS = 10_000
/** Connections, all of them kept: opening one costs more than a push does. */
const SOCKETS = 128
let instances = 0

/**
 * Firebase Cloud Messaging by firebase-admin, over HTTP/1.1 with kept connections: its HTTP/2 transport
 * opens a session for every call.
 */
export class FcmSender implements PushSender {
  readonly #app: App
  readonly #agent: HttpsAgent
  readonly #messaging: Messaging
  readonly #options: FcmOptions

  constructor(options: FcmOptions) {
    this.#options = options
    this.#agent = agentFor(options.endpoint)
    const { projectId, endpoint } = options
    const credential = endpoint === null ? cert(serviceAccount(options.serviceAccount)) : STAND_IN_CREDENTIAL
    this.#app = initializeApp({ projectId, credential, httpAgent: this.#agent }, `realchat-${instances++}`)
    this.#messaging = getMessaging(this.#app)
    this.#messaging.enableLegacyHttpTransport()
    withoutOwnRetries(this.#messaging)
  }

  async send(messages: readonly PushMessage[]): Promise<SendOutcome[]> {
    const startedMs = performance.now()
    const outcomes: SendOutcome[] = []
    for (let i = 0; i < messages.length; i += SLICE) {
      const slice = messages.slice(i, i + SLICE)
      if (performance.now() - startedMs > START_WITHIN_MS) {
        outcomes.push(
          ...slice.map((): SendOutcome => ({ kind: 'retry', reason: 'not begun in time', afterMs: null })),
        )
      } else {
        const { responses } = await this.#messaging.sendEach(
          slice.map((message) => fcmMessage(message, this.#options.publicUrl, Date.now())),
        )
        outcomes.push(...slice.map((_, at) => this.#outcome(responses[at])))
      }
    }
    return outcomes
  }

  async close(): Promise<void> {
    await deleteApp(this.#app)
    this.#agent.destroy()
  }

  #outcome(response: SendResponse | undefined): SendOutcome {
    if (response?.success) return { kind: 'sent' }
    const { outcome, alarm } = outcomeOf(response?.error)
    if (alarm) this.#options.alarm(response?.error)
    else if (outcome.kind === 'dropped')
      this.#options.logger.warn({ err: response?.error }, 'FCM refuses a push for good')
    return outcome
  }
}

const STAND_IN_CREDENTIAL = {
  getAccessToken: () => Promise.resolve({ access_token: 'stand-in', expires_in: 3600 }),
}

const serviceAccountKey = z.object({
  project_id: z.string(),
  client_email: z.string(),
  private_key: z.string(),
})

function serviceAccount(json: string) {
  const key = serviceAccountKey.parse(JSON.parse(json))
  return { projectId: key.project_id, clientEmail: key.client_email, privateKey: key.private_key }
}

function agentFor(endpoint: string | null): HttpsAgent {
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS, maxFreeSockets: SOCKETS })
  if (endpoint === null) return agent
  const { protocol, hostname, port } = new URL(endpoint)
  agent.createConnection = () =>
    protocol === 'https:'
      ? connectTls({ host: hostname, port: Number(port || 443), servername: hostname })
      : connect(Number(port || 80), hostname)
  return agent
}

const withRequestHandler = z.object({
  messagingRequestHandler: z.object({ httpClient: z.custom<object>((value) => typeof value === 'object') }),
})

/**
 * The SDK repeats by itself what ended in a lost connection or a time-out, up to four times: pushes of
 * unknown outcome that nobody would know of. It has no setting for it, so that its client is told here;
 * fcm.test.ts fails should that stop to work.
 */
function withoutOwnRetries(messaging: Messaging): void {
  const { messagingRequestHandler } = withRequestHandler.parse(messaging)
  Reflect.set(messagingRequestHandler.httpClient, 'retry', null)
}
