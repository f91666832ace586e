import type { Clock } from '../../platform/clock.ts'
import type { OutboxWriter, PushMessage, PushSender, SendOutcome } from '../ports.ts'

const KEEP = 1000
const TOKEN_END = 6

/** In place of a push service: writes what would have been sent to where a developer can look at it. */
export class OutboxSender implements PushSender {
  readonly #outbox: OutboxWriter
  readonly #clock: Clock

  constructor(outbox: OutboxWriter, clock: Clock) {
    this.#outbox = outbox
    this.#clock = clock
  }

  async send(messages: readonly PushMessage[]): Promise<SendOutcome[]> {
    const createdAt = new Date(this.#clock.now()).toISOString()
    const entries = messages.map(({ device, text, badge, collapseKey, link, data }) => ({
      channel: 'push' as const,
      userId: device.userId,
      recipient: `${device.platform} …${device.token.slice(-TOKEN_END)}`,
      title: text?.title ?? '(silent)',
      body: text?.body ?? '',
      payload: { badge, collapseKey, link, data },
      createdAt,
    }))
    await this.#outbox.add(entries, KEEP)
    return messages.map(() => ({ kind: 'sent' }))
  }
}
