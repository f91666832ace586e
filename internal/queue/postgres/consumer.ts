import type { JobResult, JobWithMetadata } from 'pg-boss'
import type {
  DeadLetter,
  DeadLetterSource,
  EventConsumer,
  FollowUp,
  NotifyTask,
  TaskHandler,
} from '../../notifier/ports.ts'
import { aborted } from '../../platform/lifecycle.ts'
import type { Logger } from '../../platform/logger.ts'
import { envelopeOf, packedEnvelope, parseEnvelope } from '../codec.ts'
import { deadLettersOf } from '../dead.ts'
import { outgoing } from '../follow-ups.ts'
import { Merging } from '../merging.ts'
import { type Boss, DEAD_QUEUE, NOTIFY_QUEUE } from './boss.ts'
import { insertAll } from './insert.ts'

export interface PostgresConsumerDeps {
  boss: Boss
  logger: Logger
}

/** Messages (of up to 64 tasks) held at once. */
const PREFETCH = 64
const POLL_SECONDS = 1

/** Consumes `notify`; every outcome is inserted before its job completes. */
export class PostgresConsumer implements EventConsumer, DeadLetterSource {
  readonly #deps: PostgresConsumerDeps

  constructor(deps: PostgresConsumerDeps) {
    this.#deps = deps
  }

  async consume(handler: TaskHandler, signal: AbortSignal, ready: () => void): Promise<void> {
    const boss = this.#deps.boss.get()
    const merging = new Merging({
      handler,
      signal,
      ended: signal,
      keep: (followUps) => this.#insert(followUps),
    })
    const options = {
      batchSize: PREFETCH,
      burstWhenBatchFull: true,
      includeMetadata: true,
      perJobResults: true,
      pollingIntervalSeconds: POLL_SECONDS,
      // Delayed jobs become due without a notification.
      notifyPollingIntervalSeconds: POLL_SECONDS,
    } as const
    const id = await boss.work(NOTIFY_QUEUE, options, (jobs: JobWithMetadata<unknown>[]) =>
      Promise.all(jobs.map((job) => this.#settle(job, merging, signal))),
    )
    ready()
    await aborted(signal)
    await boss.offWork(NOTIFY_QUEUE, { id, wait: true })
  }

  async takeDead(keep: (letters: DeadLetter[]) => Promise<void>, limit: number): Promise<number> {
    const boss = this.#deps.boss.get()
    const jobs = await boss.fetch(DEAD_QUEUE, { batchSize: limit })
    const ids = jobs.map(({ id }) => id)
    if (ids.length === 0) return 0
    try {
      await keep(jobs.flatMap(({ data }) => deadLettersOf(JSON.stringify(data), Date.now())))
    } catch (error) {
      await boss.fail(DEAD_QUEUE, ids)
      throw error
    }
    await boss.complete(DEAD_QUEUE, ids)
    return ids.length
  }

  async #settle(job: JobWithMetadata<unknown>, merging: Merging, signal: AbortSignal): Promise<JobResult> {
    try {
      const envelope = parseEnvelope(job.data)
      if (envelope === null) return { id: job.id, status: 'deadletter', output: { reason: 'undecodable' } }
      const { tasks, alone } = envelope
      const isBack = job.retryCount > 0
      if (isBack && tasks.length > 1) await this.#split(tasks)
      else await merging.add(tasks, alone || isBack)
      return { id: job.id, status: 'completed' }
    } catch (error) {
      if (!signal.aborted) this.#deps.logger.error({ err: error }, 'a batch of events could not be settled')
      return { id: job.id, status: 'failed', output: { message: String(error) } }
    }
  }

  async #split(tasks: NotifyTask[]): Promise<void> {
    const jobs = tasks.map((task) => ({ data: envelopeOf([task], true) }))
    await insertAll(this.#deps.boss.get(), NOTIFY_QUEUE, jobs)
  }

  async #insert(followUps: FollowUp[]): Promise<void> {
    const boss = this.#deps.boss.get()
    const { again, dead } = outgoing(followUps)
    const jobs = again.map(({ delayMs, envelope }) => ({
      data: packedEnvelope(envelope),
      startAfter: delayMs / 1000,
    }))
    await insertAll(boss, NOTIFY_QUEUE, jobs)
    await insertAll(
      boss,
      DEAD_QUEUE,
      dead.map((data) => ({ data })),
    )
  }
}
