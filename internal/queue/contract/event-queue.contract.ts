import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventSeq } from '../../domain/event.ts'
import type { DeviceId } from '../../domain/push.ts'
import type {
  DeadLetter,
  DeadLetterSource,
  EventConsumer,
  FollowUp,
  NotifyTask,
  TaskHandler,
} from '../../notifier/ports.ts'
import type { EventPublisher } from '../../relay/ports.ts'
import type { QueueReader } from '../../service/admin/ports.ts'
import type { RetryQueue } from '../../service/notification/ports.ts'
import { messageEvent } from '../../testkit/events.ts'
import { eventually } from '../../testkit/eventually.ts'

export interface QueueUnderTest {
  kind: 'rabbitmq' | 'postgres'
  /** Where a process of its own reaches the queue. */
  url: string
  publisher: EventPublisher & RetryQueue
  consumer(): EventConsumer & DeadLetterSource
  reader: QueueReader
  /** Breaks all connections of publisher and consumers. */
  cut(): void
  /** Bodies of the dead letters. */
  dead(): Promise<unknown[]>
  /** Takes away the queue that events go to. */
  removeQueue(): Promise<void>
  close(): Promise<void>
}

const seqOf = ({ event }: NotifyTask) => eventSeq(event)
const HOLDER = fileURLToPath(new URL('../../testkit/queue-holder.ts', import.meta.url))

/** EventPublisher and EventConsumer over one queue; `open` gives an empty one each time. */
export function eventQueueContract(name: string, open: () => Promise<QueueUnderTest>): void {
  describe(`${name} as event queue`, () => {
    let queue: QueueUnderTest
    let stop: (() => Promise<void>)[]

    beforeEach(async () => {
      queue = await open()
      stop = []
    })

    afterEach(async () => {
      for (const end of stop) await end()
      await queue.close()
    })

    /** Consumes until the test ends; returns the tasks handed out so far, and a way to end it. */
    async function consume(
      react: (task: NotifyTask, signal: AbortSignal) => FollowUp[] | Promise<FollowUp[]>,
      look: (batch: readonly NotifyTask[]) => void = () => {},
    ) {
      const batches: NotifyTask[][] = []
      const handler: TaskHandler = async (tasks, signal) => {
        batches.push(tasks)
        look(tasks)
        return (await Promise.all(tasks.map((task) => react(task, signal)))).flat()
      }
      const controller = new AbortController()
      const ready = Promise.withResolvers<void>()
      const consumer = queue.consumer()
      const running = consumer.consume(handler, controller.signal, ready.resolve)
      const end = async () => {
        controller.abort()
        await running
      }
      stop.push(end)
      await ready.promise
      return { batches, seqs: () => batches.flat().map((task) => seqOf(task)), end, consumer }
    }

    it('hands out what was published, up to 500 events at a time', async () => {
      const events = Array.from({ length: 600 }, (_, i) => messageEvent({ seq: i + 1 }))
      await queue.publisher.publish(events)
      const { batches, seqs } = await consume(() => [])
      await eventually(() => expect(seqs()).toHaveLength(600))
      expect(new Set(seqs()).size).toBe(600)
      expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(500)
      const task = batches.flat().find((each) => seqOf(each) === 7)
      expect(task).toEqual({
        event: events[6],
        attempt: 0,
        graceOver: false,
        scope: { kind: 'members', after: null },
      })
    })

    it('hands out together what waits in many messages, and retries by themselves', async () => {
      const event = messageEvent({ seq: 1000 })
      const task: NotifyTask = { event, attempt: 5, graceOver: true, scope: { kind: 'members', after: null } }
      for (let seq = 1; seq <= 60; seq++) await queue.publisher.publish([messageEvent({ seq })])
      await queue.publisher.retry([task, { ...task, attempt: 11 }])
      const { batches, seqs } = await consume(() => [])
      await eventually(() => expect(seqs()).toHaveLength(62))
      const retries = batches.filter((batch) => batch.some(({ attempt }) => attempt > 0))
      expect(retries.map((batch) => batch.length)).toEqual([1, 1])
      expect(batches.length).toBeLessThan(30)
    })

    it('settles all others when one event lets whatever it is handled with fail', async () => {
      for (let seq = 1; seq <= 10; seq++) await queue.publisher.publish([messageEvent({ seq })])
      const settled: unknown[] = []
      const { batches } = await consume(
        () => [],
        (batch) => {
          if (batch.some((task) => seqOf(task) === 3)) throw new Error('poison')
          settled.push(...batch.map((task) => seqOf(task)))
        },
      )
      await eventually(() => expect(settled).toHaveLength(9))
      await eventually(() =>
        expect(
          batches.filter((batch) => batch.length === 1 && batch.some((task) => seqOf(task) === 3)),
        ).not.toEqual([]),
      )
      expect(new Set(settled)).toEqual(new Set([1, 2, 4, 5, 6, 7, 8, 9, 10]))
    })

    it('shares the work among consumers and gives each message to one of them', async () => {
      const first = await consume(() => [])
      const second = await consume(() => [])
      for (let seq = 1; seq <= 40; seq++) await queue.publisher.publish([messageEvent({ seq })])
      await eventually(() => expect(first.seqs().length + second.seqs().length).toBe(40))
      expect(new Set([...first.seqs(), ...second.seqs()]).size).toBe(40)
    })

    it('brings a retry back after its delay, with its attempt and scope', async () => {
      const deviceIds = ['01900000-0000-7000-8000-000000000001' as DeviceId]
      const { batches, seqs } = await consume((task) => {
        if (seqOf(task) !== 1 || task.attempt > 0) return []
        const again: NotifyTask = { ...task, attempt: 1, scope: { kind: 'devices', deviceIds } }
        return [{ kind: 'again', task: again, delayMs: 5000 }]
      })
      await queue.publisher.publish([messageEvent({ seq: 1 }), messageEvent({ seq: 2 })])
      await eventually(() => expect(seqs()).toHaveLength(2))
      await queue.publisher.publish([messageEvent({ seq: 3 })])
      await eventually(() => expect(seqs()).toHaveLength(4))
      expect(seqs()).toEqual([1, 2, 3, 1])
      expect(batches.flat()[3]).toMatchObject({ attempt: 1, scope: { kind: 'devices', deviceIds } })
    })

    it('keeps dead letters with their reason', async () => {
      await consume((task) => [{ kind: 'dead', task, reason: 'six attempts' }])
      const event = messageEvent({ seq: 5 })
      await queue.publisher.publish([event])
      await eventually(async () => expect(await queue.dead()).toHaveLength(1))
      expect((await queue.dead())[0]).toMatchObject({ reason: 'six attempts', task: { event } })
    })

    it('says how much waits, and for what', async () => {
      const depths = async () => {
        const sums = { work: 0, retry: 0, dead: 0 }
        for (const { kind, messages } of await queue.reader.depths()) sums[kind] += messages
        return sums
      }
      await queue.publisher.publish([messageEvent({ seq: 1 })])
      await queue.publisher.publish([messageEvent({ seq: 2 })])
      await eventually(async () => expect(await depths()).toEqual({ work: 2, retry: 0, dead: 0 }))
      let handled = 0
      await consume((task) =>
        handled++ === 0
          ? [{ kind: 'again', task, delayMs: 3_600_000 }]
          : [{ kind: 'dead', task, reason: 'six attempts' }],
      )
      await eventually(async () => expect(await depths()).toEqual({ work: 0, retry: 1, dead: 1 }))
    })

    it('hands dead letters out to be kept elsewhere, and keeps them until they are', async () => {
      const { consumer } = await consume((task) => [{ kind: 'dead', task, reason: 'six attempts' }])
      const events = [5, 6].map((seq) => messageEvent({ seq }))
      await queue.publisher.publish(events)
      await eventually(async () => {
        const depths = await queue.reader.depths()
        expect(depths.find(({ kind }) => kind === 'dead')).toMatchObject({ messages: 2 })
      })
      const refuse = () => Promise.reject(new Error('not now'))
      await expect(consumer.takeDead(refuse, 10)).rejects.toThrow('not now')
      const kept: DeadLetter[] = []
      const keep = async (letters: DeadLetter[]) => void kept.push(...letters)
      await eventually(async () => {
        await consumer.takeDead(keep, 1)
        expect(kept).toHaveLength(2)
      })
      expect(kept).toEqual(
        expect.arrayContaining(
          events.map((event) => ({
            id: expect.stringMatching(/^[0-9a-f]{32}$/),
            diedAtMs: expect.any(Number),
            reason: 'six attempts',
            task: { event, attempt: 0, graceOver: false, scope: { kind: 'members', after: null } },
            content: null,
          })),
        ),
      )
      expect(await consumer.takeDead(keep, 10)).toBe(0)
    })

    it('queues what was given up again, each by itself, as the next round of attempts', async () => {
      const { batches } = await consume(() => [])
      const event = messageEvent({ seq: 9 })
      const task: NotifyTask = { event, attempt: 5, graceOver: true, scope: { kind: 'members', after: null } }
      await queue.publisher.retry([task, { ...task, attempt: 11 }])
      await eventually(() => expect(batches).toHaveLength(2))
      expect(
        batches
          .flat()
          .map(({ attempt }) => attempt)
          .sort(),
      ).toEqual([12, 6])
      await expect(queue.publisher.retry([{ not: 'a task' }])).rejects.toThrow()
    })

    it('brings a batch back, each task by itself, when its handler rejects', async () => {
      let rejected = 0
      const { batches, seqs } = await consume(() => {
        if (rejected++ < 3) throw new Error('cannot handle this now')
        return []
      })
      await queue.publisher.publish([1, 2, 3].map((seq) => messageEvent({ seq })))
      await eventually(() => expect(seqs()).toHaveLength(6))
      expect(batches.map((batch) => batch.length)).toEqual([3, 1, 1, 1])
      expect(new Set(seqs().slice(3))).toEqual(new Set([1, 2, 3]))
    })

    it('brings back what a killed process held', async () => {
      await queue.publisher.publish([messageEvent({ seq: 1 }), messageEvent({ seq: 2 })])
      const holder = spawn(process.execPath, [HOLDER, queue.kind, queue.url], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      for await (const line of createInterface(holder.stdout)) if (line === 'held') break
      holder.kill('SIGKILL')
      await once(holder, 'exit')
      const { seqs } = await consume(() => [])
      await eventually(() => expect(seqs().sort()).toEqual([1, 2]), { withinMs: 40_000 })
    }, 60_000)

    it('goes on by itself after its connections are lost', async () => {
      const { seqs } = await consume(() => [])
      await queue.publisher.publish([messageEvent({ seq: 1 })])
      await eventually(() => expect(seqs()).toEqual([1]))
      queue.cut()
      await eventually(() => queue.publisher.publish([messageEvent({ seq: 2 })]))
      await eventually(() => expect(seqs()).toContain(2))
    })

    it('finishes on abort what its handler finishes, and takes nothing new', async () => {
      const release = Promise.withResolvers<void>()
      const started = Promise.withResolvers<void>()
      const first = await consume(async (task) => {
        started.resolve()
        await release.promise
        return [{ kind: 'dead', task, reason: 'finished' }]
      })
      await queue.publisher.publish([messageEvent({ seq: 1 })])
      await started.promise
      const ended = first.end()
      release.resolve()
      await ended
      expect(await queue.dead()).toHaveLength(1)
      await queue.publisher.publish([messageEvent({ seq: 2 })])
      const second = await consume(() => [])
      await eventually(() => expect(second.seqs()).toEqual([2]))
      expect(first.seqs()).toEqual([1])
    })

    it('returns on abort what its handler rejects', async () => {
      const started = Promise.withResolvers<void>()
      const first = await consume(async (_task, signal) => {
        started.resolve()
        return new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopping')), { once: true })
        })
      })
      await queue.publisher.publish([messageEvent({ seq: 1 })])
      await started.promise
      await first.end()
      const second = await consume(() => [])
      await eventually(() => expect(second.seqs()).toEqual([1]))
      expect(await queue.dead()).toEqual([])
    })

    it('rejects a publish that no queue takes', async () => {
      await queue.publisher.publish([messageEvent({ seq: 1 })])
      await queue.removeQueue()
      await expect(queue.publisher.publish([messageEvent({ seq: 2 })])).rejects.toMatchObject({
        code: 'dependency_unavailable',
      })
    })
  })
}
