import type { UserId } from '../../domain/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { OutboxWriter } from '../ports.ts'
import type { Carrier, Letter } from './ports.ts'

const KEEP = 1000

/** In place of a mail or text message service: writes to where a developer can look at it. */
export class OutboxCarrier implements Carrier {
  readonly #channel: 'email' | 'sms'
  readonly #outbox: OutboxWriter
  readonly #clock: Clock

  constructor(channel: 'email' | 'sms', outbox: OutboxWriter, clock: Clock) {
    this.#channel = channel
    this.#outbox = outbox
    this.#clock = clock
  }

  async carry(userId: UserId, address: string, letter: Letter): Promise<void> {
    const { subject: title, text: body, ...payload } = letter
    const createdAt = new Date(this.#clock.now()).toISOString()
    const entry = { userId, recipient: address, title, body, payload, createdAt }
    await this.#outbox.add([{ channel: this.#channel, ...entry }], KEEP)
  }

  close(): void {}
}
