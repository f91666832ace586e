import { describe, expect, it } from '@jest/globals'
import { connect } from 'amqplib'
import { eventSeq } from '../../domain/event.ts'
import type { TaskHandler } from '../../notifier/ports.ts'
import { createLogger } from '../../platform/logger.ts'
import { messageEvent } from '../../testkit/events.ts'
import { eventually } from '../../testkit/eventually.ts'
import { startProxy } from '../../testkit/proxy.ts'
import { testRabbitmq } from '../../testkit/services.ts'
import { eventQueueContract, type QueueUnderTest } from '../contract/event-queue.contract.ts'
import { RabbitConsumer } from './consumer.ts'
import { RabbitQueueReader } from './depths.ts'
import { RabbitPublisher } from './publisher.ts'
import { DEAD_QUEUE, declareTopology, EVENTS_EXCHANGE, NOTIFY_QUEUE, queueFor } from './topology.ts'

const logger = createLogger({ name: 'test', level: 'silent' })

async function open(): Promise<QueueUnderTest> {
  const { url } = await testRabbitmq()
  const { hostname, port } = new URL(url)
  const proxy = await startProxy({ host: hostname, port: Number(port || 5672) })
  const through = new URL(url)
  through.port = String(proxy.port)
  const publisher = new RabbitPublisher({ url: through.href, logger })
  const direct = await connect(url)
  const channel = await direct.createChannel()
  const dead: unknown[] = []
  return {
    kind: 'rabbitmq',
    url,
    publisher,
    consumer: () => new RabbitConsumer({ url: through.href, logger }),
    reader: new RabbitQueueReader(publisher),
    cut: () => proxy.cut(),
    dead: async () => {
      for (;;) {
        const message = await channel.get(DEAD_QUEUE, { noAck: true })
        if (!message) return dead
        dead.push(JSON.parse(message.content.toString()))
      }
    },
    removeQueue: async () => {
      await channel.deleteQueue(NOTIFY_QUEUE)
    },
    close: async () => {
      await publisher.close()
      await direct.close()
      await proxy.close()
    },
  }
}

eventQueueContract('RabbitMQ', open)

describe('RabbitMQ topology', () => {
  it('comes back by itself after its queue was deleted under it', async () => {
    const queue = await open()
    const seen: number[] = []
    const controller = new AbortController()
    const handler: TaskHandler = async (tasks) => {
      seen.push(...tasks.map((task) => eventSeq(task.event) ?? 0))
      return []
    }
    const running = queue.consumer().consume(handler, controller.signal, () => {})
    await queue.publisher.publish([messageEvent({ seq: 1 })])
    await eventually(() => expect(seen).toEqual([1]))
    await queue.removeQueue()
    // A queue that is being deleted may still confirm what dies with it, so that one event proves nothing.
    let seq = 1
    await eventually(async () => {
      await queue.publisher.publish([messageEvent({ seq: ++seq })])
      expect(seen.some((one) => one > 1)).toBe(true)
    })
    controller.abort()
    await running
    await queue.close()
  })

  it('may be declared by any number of processes at once', async () => {
    const { url } = await testRabbitmq()
    const connections = await Promise.all(Array.from({ length: 4 }, () => connect(url)))
    await Promise.all(connections.map(async (each) => declareTopology(await each.createChannel())))
    await Promise.all(connections.map((each) => each.close()))
  })

  it('empties the queues of a former version beside its own', async () => {
    const { url } = await testRabbitmq()
    const former = { version: 7, former: [] }
    const topology = { version: 8, former: [6, 7] }
    const before = new RabbitPublisher({ url, logger, topology: former })
    await before.publish([messageEvent({ seq: 1 })])
    const controller = new AbortController()
    const ready = Promise.withResolvers<void>()
    const seen: number[] = []
    const handler: TaskHandler = async (tasks) => {
      seen.push(...tasks.map((task) => eventSeq(task.event) ?? 0))
      return []
    }
    const consumer = new RabbitConsumer({ url, logger, topology })
    const running = consumer.consume(handler, controller.signal, ready.resolve)
    await ready.promise
    await eventually(() => expect(seen).toEqual([1]))
    await before.publish([messageEvent({ seq: 2 })])
    await eventually(() => expect(seen).toEqual([1, 2]))
    const direct = await connect(url)
    const channel = await direct.createChannel()
    // What waited for its time in a queue of the former version comes to that version's first one.
    const task = { event: messageEvent({ seq: 3 }), attempt: 1, graceOver: true }
    const body = { version: 1, tasks: [{ ...task, scope: { kind: 'members', after: null } }] }
    channel.sendToQueue(queueFor(5000, former.version), Buffer.from(JSON.stringify(body)))
    await eventually(() => expect(seen).toEqual([1, 2, 3]))
    controller.abort()
    await running
    await before.close()
    await direct.close()
  })

  it('starts without its broker, and works once that is there', async () => {
    const { url } = await testRabbitmq()
    const { hostname, port } = new URL(url)
    const proxy = await startProxy({ host: hostname, port: Number(port || 5672) })
    proxy.refuse()
    const through = new URL(url)
    through.port = String(proxy.port)
    const consumer = new RabbitConsumer({ url: through.href, logger })
    const publisher = new RabbitPublisher({ url: through.href, logger })
    const controller = new AbortController()
    const ready = Promise.withResolvers<void>()
    const seen: number[] = []
    const handler: TaskHandler = async (tasks) => {
      seen.push(...tasks.map((task) => eventSeq(task.event) ?? 0))
      return []
    }
    const running = consumer.consume(handler, controller.signal, ready.resolve)
    await ready.promise
    const down = { code: 'dependency_unavailable' }
    await expect(consumer.depth()).rejects.toMatchObject(down)
    await expect(publisher.publish([messageEvent({ seq: 1 })])).rejects.toMatchObject(down)
    proxy.accept()
    await eventually(() => publisher.publish([messageEvent({ seq: 2 })]))
    await eventually(() => expect(seen).toEqual([2]))
    expect(await consumer.depth()).toBe(0)
    controller.abort()
    await running
    await publisher.close()
    await proxy.close()
  })

  it('moves what came back too often to the dead letters', async () => {
    const queue = await open()
    await queue.publisher.publish([messageEvent()])
    const other = await connect(queue.url)
    const channel = await other.createChannel()
    let returned = 0
    await channel.consume(NOTIFY_QUEUE, (message) => {
      if (!message) return
      returned++
      channel.nack(message, false, true)
    })
    await eventually(async () => expect(await queue.dead()).toHaveLength(1))
    expect(returned).toBe(21)
    await other.close()
    await queue.close()
  })

  it('moves what is not one of our messages to the dead letters', async () => {
    const queue = await open()
    const controller = new AbortController()
    await queue.publisher.publish([messageEvent()])
    const running = queue.consumer().consume(
      async () => [],
      controller.signal,
      () => {},
    )
    const other = await connect(queue.url)
    const channel = await other.createConfirmChannel()
    channel.publish(EVENTS_EXCHANGE, 'message', Buffer.from('{"version":'))
    channel.publish(EVENTS_EXCHANGE, 'message', Buffer.from('{"version":1,"tasks":[{"event":{}}]}'))
    await channel.waitForConfirms()
    await eventually(async () => expect(await queue.dead()).toHaveLength(2))
    expect(await queue.dead()).toMatchObject([{ reason: 'undecodable' }, { reason: 'undecodable' }])
    controller.abort()
    await running
    await other.close()
    await queue.close()
  })
})
