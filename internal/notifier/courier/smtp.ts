import type { Readable } from 'node:stream'
import { domainToASCII } from 'node:url'
import { createTransport } from 'nodemailer'
import type { UserId } from '../../domain/ids.ts'
import type { Carrier, Letter } from './ports.ts'
import { undelivered } from './smtp-failure.ts'

const TIMEOUT_MS = 10_000
/** A server that trickles its answers runs into no other timeout; less than a process has to drain. */
const SEND_MAX_MS = 20_000
const CONNECTIONS = 4
const MAILS_PER_CONNECTION = 100

/** RFC 8058 wants both headers of unsubscribing signed; nodemailer's own list lacks the second. */
const SIGNED_FIELDS =
  'From:To:Subject:Date:Message-ID:MIME-Version:Content-Type:Auto-Submitted:List-Unsubscribe:List-Unsubscribe-Post'

export interface SmtpOptions {
  /** `smtp://user:password@host:587`, or `smtps:`. */
  url: string
  /** The sender, with or without a name; bounces go there too. */
  from: { name: string; address: string }
  /** An address that takes unsubscribing by mail; null for none. */
  unsubscribeTo: string | null
  dkim: { domain: string; selector: string; privateKey: string } | null
  /** For answers of the server, ms. */
  timeoutMs?: number
}

/** Mail by SMTP, over a few connections that stay open. */
export class SmtpCarrier implements Carrier {
  readonly #transport: ReturnType<typeof pool>
  readonly #options: SmtpOptions
  /** By Message-ID: tells whether anything of a mail was sent. */
  readonly #streams = new Map<string, Readable>()

  constructor(options: SmtpOptions) {
    this.#options = options
    this.#transport = pool(options)
    this.#transport.use('stream', ({ message }, done) => {
      const create = message.createReadStream.bind(message)
      message.createReadStream = (streaming) => {
        const stream = create(streaming)
        this.#streams.set(message.messageId(), stream)
        return stream
      }
      done()
    })
  }

  async carry(_userId: UserId, address: string, letter: Letter): Promise<void> {
    const { from, unsubscribeTo } = this.#options
    const to = inAscii(address)
    const messageId = `<${letter.id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`
    try {
      await this.#transport.sendMail({
        messageId,
        from,
        // As objects, addresses are never parsed: nothing in one can add a recipient.
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
        headers: headersOf(letter, unsubscribeTo),
        xMailer: false,
        signal: AbortSignal.timeout(SEND_MAX_MS),
      })
    } catch (error) {
      throw undelivered(error, this.#streams.get(messageId)?.readableDidRead ?? false)
    } finally {
      this.#streams.delete(messageId)
    }
  }

  close(): void {
    this.#transport.close()
  }
}

/** Servers that know no SMTPUTF8 take it, too. */
function inAscii(address: string): string {
  const at = address.lastIndexOf('@') + 1
  return address.slice(0, at) + domainToASCII(address.slice(at))
}

function headersOf({ unsubscribeUrl }: Letter, unsubscribeTo: string | null): Record<string, string> {
  // Nobody's holiday answers, please.
  const automatic = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' }
  if (unsubscribeUrl === null) return automatic
  const byMail = unsubscribeTo === null ? '' : `, <mailto:${unsubscribeTo}?subject=unsubscribe>`
  return {
    ...automatic,
    'List-Unsubscribe': `<${unsubscribeUrl}>${byMail}`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  }
}

function pool({ url, dkim, timeoutMs = TIMEOUT_MS }: SmtpOptions) {
  const { protocol, hostname, port, username, password } = new URL(url)
  const secure = protocol === 'smtps:'
  return createTransport({
    pool: true,
    host: hostname,
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    ...(username !== '' && {
      // Else whoever sits in between only has to hide that the server offers TLS.
      requireTLS: !secure,
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
    ...(dkim && {
      dkim: {
        domainName: dkim.domain,
        keySelector: dkim.selector,
        privateKey: dkim.privateKey,
        headerFieldNames: SIGNED_FIELDS,
      },
    }),
    maxConnections: CONNECTIONS,
    maxMessages: MAILS_PER_CONNECTION,
    // Whoever asked knows whether and when to repeat; the pool does not.
    maxRequeues: 0,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}
