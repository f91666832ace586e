import { PgBoss } from 'pg-boss'
import { unavailable } from '../../domain/errors.ts'
import { aborted, type Component, pause } from '../../platform/lifecycle.ts'
import type { Logger } from '../../platform/logger.ts'

export const NOTIFY_QUEUE = 'notify'
export const DEAD_QUEUE = 'notify.dead'

export interface BossDeps {
  /** PostgreSQL; the queue lives in the schema `pgboss`, which it creates and migrates itself. */
  url: string
  logger: Logger
}

/** Redeliveries after which a message is dead: the backstop for one that kills its consumer. */
const DELIVERY_LIMIT = 20
/** A consumer that has not said so for this long is gone, and its jobs are handed out again. */
const HEARTBEAT_SECONDS = 10
const SUPERVISE_SECONDS = 5
const START_RETRY_MS = 1000
const DRAIN_TIMEOUT_MS = 10_000

/** The queue in PostgreSQL: started once per process, used by a publisher and a consumer. */
export class Boss implements Component {
  readonly name = 'event queue'
  readonly #deps: BossDeps
  #started: PgBoss | null = null

  constructor(deps: BossDeps) {
    this.#deps = deps
  }

  /** @throws DomainError `dependency_unavailable` before the start and after the stop. */
  get(): PgBoss {
    if (!this.#started) throw unavailable('The event queue')
    return this.#started
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    while (!signal.aborted && !this.#started) await this.#start(signal)
    ready()
    await aborted(signal)
    const boss = this.#started
    this.#started = null
    await boss?.stop({ graceful: true, timeout: DRAIN_TIMEOUT_MS })
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { url, logger } = this.#deps
    const boss = new PgBoss({
      connectionString: url,
      application_name: 'realchat queue',
      max: 4,
      useListenNotify: true,
      schedule: false,
      superviseIntervalSeconds: SUPERVISE_SECONDS,
      monitorIntervalSeconds: SUPERVISE_SECONDS,
    })
    boss.on('error', (error) => logger.warn({ err: error }, 'event queue'))
    boss.on('warning', (warning) => logger.warn({ warning }, 'event queue'))
    try {
      await boss.start()
      await declareQueues(boss)
      this.#started = boss
    } catch (error) {
      logger.warn({ err: error }, 'the event queue cannot be opened; trying again')
      await boss.stop({ graceful: false })
      await pause(START_RETRY_MS, signal)
    }
  }
}

/** Declares the queues; harmless when they exist. */
async function declareQueues(boss: PgBoss): Promise<void> {
  await boss.createQueue(DEAD_QUEUE)
  // Letters wait for whoever stores them, however often that fails.
  await boss.updateQueue(DEAD_QUEUE, { retryLimit: 1_000_000, retryDelay: 5, expireInSeconds: 60 })
  await boss.createQueue(NOTIFY_QUEUE, {
    deadLetter: DEAD_QUEUE,
    retryLimit: DELIVERY_LIMIT,
    retryDelay: 1,
    expireInSeconds: 300,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    // Done is done: claims tell what was sent.
    deleteAfterSeconds: 60,
    notify: true,
  })
}
