import { createTransport, type Transporter } from 'nodemailer'
import type { UserId } from '../../domain/ids.ts'
import type { Carrier, Letter } from './ports.ts'

const TIMEOUT_MS = 10_000

/** Mail by SMTP. */
export class SmtpCarrier implements Carrier {
  readonly #transport: Transporter
  readonly #from: string

  /** @param url `smtp://user:password@host:587`, or `smtps:`. */
  constructor(url: string, from: string) {
    const { protocol, hostname, port, username, password } = new URL(url)
    const secure = protocol === 'smtps:'
    this.#from = from
    this.#transport = createTransport({
      host: hostname,
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
      ...(username !== '' && {
        auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
      }),
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
  }

  async carry(_userId: UserId, address: string, { subject, text, html }: Letter): Promise<void> {
    // As an object, the address is never parsed: nothing in it can add a recipient.
    await this.#transport.sendMail({ from: this.#from, to: { name: '', address }, subject, text, html })
  }
}
