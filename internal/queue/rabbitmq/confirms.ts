import type { ConfirmChannel } from 'amqplib'

export interface OutgoingMessage {
  exchange: string
  routingKey: string
  body: unknown
}

/** Returned: the queue is not there. */
export class Unroutable extends Error {}

interface Pending {
  returned: boolean
}

/**
 * Publishing on one confirm channel. A mandatory message that reaches no queue is returned *and* confirmed,
 * the return first: it counts as refused here.
 */
export class Confirms {
  readonly #channel: ConfirmChannel
  readonly #pending = new Map<string, Pending>()
  #next = 0

  constructor(channel: ConfirmChannel) {
    this.#channel = channel
    channel.on('return', (message) => {
      const pending = this.#pending.get(String(message.properties.messageId))
      if (pending) pending.returned = true
    })
  }

  /** Resolves when the broker has it in a queue, on disk; rejects when refused, unroutable or cut off. */
  send({ exchange, routingKey, body }: OutgoingMessage): Promise<void> {
    const messageId = String(this.#next++)
    const pending: Pending = { returned: false }
    this.#pending.set(messageId, pending)
    return new Promise<void>((resolve, reject) => {
      const options = { persistent: true, mandatory: true, messageId, contentType: 'application/json' }
      this.#channel.publish(exchange, routingKey, Buffer.from(JSON.stringify(body)), options, (error) => {
        if (error) reject(error instanceof Error ? error : new Error('the broker refused a message'))
        else if (pending.returned) reject(new Unroutable(`no queue takes ${exchange}/${routingKey}`))
        else resolve()
      })
    }).finally(() => this.#pending.delete(messageId))
  }
}
