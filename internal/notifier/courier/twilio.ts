import twilio from 'twilio'
import type { UserId } from '../../domain/ids.ts'
import type { Carrier, Letter } from './ports.ts'

const TIMEOUT_MS = 10_000

export interface TwilioAccount {
  accountSid: string
  authToken: string
  /** The sender: a number in E.164, or the id of a messaging service (`MG…`). */
  from: string
}

/** Text messages through Twilio. */
export class TwilioCarrier implements Carrier {
  readonly #client: twilio.Twilio
  readonly #from: string

  /** @param httpClient another way to reach the service, for tests. */
  constructor({ accountSid, authToken, from }: TwilioAccount, httpClient?: twilio.RequestClient) {
    this.#from = from
    this.#client = twilio(accountSid, authToken, {
      timeout: TIMEOUT_MS,
      ...(httpClient && { httpClient }),
    })
  }

  async carry(_userId: UserId, address: string, { text }: Letter): Promise<void> {
    const sender = this.#from.startsWith('MG') ? { messagingServiceSid: this.#from } : { from: this.#from }
    // The first line says all: a text message costs by its length.
    await this.#client.messages.create({ ...sender, to: address, body: text.split('\n')[0] ?? '' })
  }
  close(): void {}
}
