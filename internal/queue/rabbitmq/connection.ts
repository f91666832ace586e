import { type ChannelModel, connect } from 'amqplib'
import type { Logger } from '../../platform/logger.ts'

const CONNECT_TIMEOUT_MS = 5000
const HEARTBEAT_SECONDS = 10

/** Connects once; failures of the open connection are logged here and show as the `close` event. */
export async function openConnection(url: string, name: string, logger: Logger): Promise<ChannelModel> {
  const address = new URL(url)
  if (!address.searchParams.has('heartbeat')) {
    address.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS))
  }
  const connection = await connect(address.href, {
    timeout: CONNECT_TIMEOUT_MS,
    noDelay: true,
    clientProperties: { connection_name: name },
  })
  connection.on('error', (error) => logger.warn({ err: error }, 'RabbitMQ connection failed'))
  connection.on('blocked', (reason) => logger.warn({ reason }, 'RabbitMQ blocks publishers'))
  connection.on('unblocked', () => logger.info('RabbitMQ takes messages again'))
  return connection
}

/** Milliseconds to wait before the next attempt: 100 ms doubling to 10 s, of which a random half. */
export function backOff(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(10_000, 100 * 2 ** Math.min(failures, 10))
  return ceiling / 2 + random() * (ceiling / 2)
}
