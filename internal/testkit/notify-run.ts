import type pg from 'pg'
import type { ChatEvent } from '../domain/event.ts'
import { type ConversationId, type UserId, uuidv7 } from '../domain/ids.ts'
import type { DeviceId } from '../domain/push.ts'
import { createLogger } from '../platform/logger.ts'
import { RabbitPublisher } from '../queue/rabbitmq/publisher.ts'
import { createPool } from '../repository/postgres/database.ts'
import { PostgresDeadLetters } from '../repository/postgres/dead-letters.ts'
import { Sql } from '../repository/postgres/sql.ts'
import { Binary } from './binary.ts'
import { insertConversation, insertUser } from './chat-rows.ts'
import { messageEvent } from './events.ts'
import { eventually } from './eventually.ts'
import { type FcmBehaviour, type FcmMessage, type FcmStandIn, startFcm } from './fcm.ts'

const logger = createLogger({ name: 'test', level: 'silent' })
const CONVERSATIONS = 20
/** Below the first rung and the shortest lease, 5 s. */
const EARLY_MS = 4000

/** Everything one (event, device) went through. */
interface Delivery {
  /** Requests whose message may have reached the device: answered 200, or not answered at all. */
  reached: number
  unanswered: number
  requests: number
  collapseKeys: Set<string>
  /** When the request before came. */
  lastMs: number
  early: number
}

export interface NotifyCounts {
  wanted: number
  deliveredOnce: number
  deliveredAgain: number
  /** Of those, after a request without an answer; the others after a notifier that was killed. */
  againWithoutAnswer: number
  /** Of those delivered again, the ones that no record explains: must be none. */
  unexplained: number
  dead: number
  /** Sent again before the shortest wait there is: must be none. */
  early: number
  /** Neither delivered nor in the dead letters: must be none. */
  lost: number
  requests: number
}

/** Two notifiers and a push service in which anything may happen; every event is for one device. */
export class NotifyRun {
  readonly fcm: FcmStandIn
  readonly pool: pg.Pool
  readonly letters: PostgresDeadLetters
  readonly #env: Record<string, string>
  readonly #publisher: RabbitPublisher
  readonly #notifiers: Binary[] = []
  readonly #pairs: { conversationId: ConversationId; sender: UserId; token: string; events: number }[] = []
  readonly #deliveries = new Map<string, Delivery>()
  readonly #random: () => number
  readonly #hangs: boolean
  #published = 0
  #last: ChatEvent[] = []

  /** `hangs`: some requests are never answered, which takes the SDK 15 s to notice. */
  static async start(
    env: Record<string, string>,
    random: () => number,
    { hangs = true } = {},
  ): Promise<NotifyRun> {
    const run = new NotifyRun(await startFcm(), env, random, hangs)
    for (let i = 0; i < CONVERSATIONS; i++) await run.#addPair(`device-${i}`)
    await Promise.all([run.startNotifier(0), run.startNotifier(1)])
    return run
  }

  constructor(fcm: FcmStandIn, env: Record<string, string>, random: () => number, hangs: boolean) {
    this.#hangs = hangs
    this.fcm = fcm
    this.#env = { ...env, FIREBASE_PROJECT_ID: 'demo', FCM_ENDPOINT: fcm.url }
    this.#random = random
    this.pool = createPool({ url: env['DATABASE_URL'] ?? '', max: 4, applicationName: 'test' })
    this.letters = new PostgresDeadLetters(new Sql(this.pool))
    this.#publisher = new RabbitPublisher({ url: env['RABBITMQ_URL'] ?? '', logger })
    fcm.behave = (message) => this.#behave(message)
  }

  async startNotifier(index: number): Promise<void> {
    const notifier = new Binary('notifier', this.#env)
    this.#notifiers[index] = notifier
    await notifier.ready()
  }

  /** kill -9, and a new one in its place. */
  async killNotifier(index: number): Promise<void> {
    this.#notifiers[index]?.signal('SIGKILL')
    await this.#notifiers[index]?.exited
    await this.startNotifier(index)
  }

  /** Publishes so many events over all conversations; while the broker is away it tries again. */
  async publish(count: number): Promise<void> {
    for (let left = count; left > 0; left -= Math.min(left, 50)) {
      const events = Array.from({ length: Math.min(left, 50) }, () => this.#nextEvent())
      await eventually(() => this.#publisher.publish(events))
      this.#last = events
    }
  }

  /** The last batch once more, as a relay does that had no confirmation. */
  async publishAgain(): Promise<void> {
    await eventually(() => this.#publisher.publish(this.#last))
  }

  /** Tells whether every event has come to its end. */
  async settled(): Promise<boolean> {
    const { rows } = await this.pool.query<{ open: number; all: number }>(
      `select count(*) filter (where state in ('claimed', 'retry'))::integer as open, count(*)::integer as all
       from notification_claims`,
    )
    const { open = 0, all = 0 } = rows[0] ?? {}
    const { rows: dead } = await this.pool.query<{ n: number }>(
      `select count(*)::integer as n from notification_claims where state = 'dead'`,
    )
    return all === this.#published && open === 0 && (await this.letters.count()) >= (dead[0]?.n ?? 0)
  }

  async counts(): Promise<NotifyCounts> {
    const { rows } = await this.pool.query<{ key: string; state: string; repeated: boolean }>(
      `select t.token || ' ' || c.seq as key, c.state, c.repeated
       from notification_claims c left join push_tokens t on t.id = c.device_id`,
    )
    const claims = new Map(rows.map((row) => [row.key, row]))
    const counts = {
      deliveredOnce: 0,
      deliveredAgain: 0,
      againWithoutAnswer: 0,
      unexplained: 0,
      dead: 0,
      early: 0,
      lost: 0,
    }
    for (const key of this.#wanted()) {
      const delivery = this.#deliveries.get(key)
      const claim = claims.get(key)
      counts.early += delivery?.early ?? 0
      if (claim?.state === 'dead') counts.dead++
      else if (!delivery || delivery.reached === 0) counts.lost++
      else if (delivery.reached === 1) counts.deliveredOnce++
      else {
        counts.deliveredAgain++
        if (delivery.unanswered > 0) counts.againWithoutAnswer++
        if (!claim?.repeated || delivery.collapseKeys.size > 1) counts.unexplained++
      }
    }
    return { wanted: this.#published, ...counts, requests: this.fcm.requests.length }
  }

  #wanted(): string[] {
    return this.#pairs.flatMap(({ token, events }) =>
      Array.from({ length: events }, (_, i) => `${token} ${i + 1}`),
    )
  }

  async close(): Promise<void> {
    for (const notifier of this.#notifiers) notifier.signal('SIGTERM')
    await Promise.all(this.#notifiers.map((notifier) => notifier.exited))
    await this.#publisher.close()
    await this.fcm.close()
    await this.pool.end()
  }

  async #addPair(token: string): Promise<void> {
    const sender = await insertUser(this.pool, 'Sender')
    const recipient = await insertUser(this.pool, 'Recipient')
    const conversationId = await insertConversation(this.pool, 'direct', [sender, recipient])
    const registration = { id: uuidv7<DeviceId>(), userId: recipient, platform: 'android' as const, token }
    await this.pool.query(
      `insert into push_tokens (id, user_id, platform, token, token_hash, created_at, updated_at)
       values ($1, $2, $3, $4, sha256(convert_to($4, 'UTF8')), now(), now())`,
      Object.values(registration),
    )
    this.#pairs.push({ conversationId, sender, token, events: 0 })
  }

  #nextEvent() {
    const pair = this.#pairs[this.#published++ % CONVERSATIONS]
    if (!pair) throw new Error('no conversations')
    const { conversationId, sender } = pair
    return messageEvent({ conversationId, senderId: sender, seq: ++pair.events })
  }

  /**
   * What comes first is as likely fine as not; what comes again is fine, but for one in fifty that never has
   * an answer, so that it ends in the dead letters.
   */
  #behave(message: FcmMessage): FcmBehaviour {
    const key = `${message.token} ${message.data?.['seq']}`
    const delivery = this.#deliveries.get(key) ?? {
      reached: 0,
      unanswered: 0,
      requests: 0,
      collapseKeys: new Set(),
      lastMs: -EARLY_MS,
      early: 0,
    }
    this.#deliveries.set(key, delivery)
    const nowMs = performance.now()
    if (nowMs - delivery.lastMs < EARLY_MS) delivery.early++
    delivery.lastMs = nowMs
    delivery.collapseKeys.add(message.android?.collapse_key ?? '')
    const behaviour = Number(message.data?.['seq']) % 50 === 7 ? 'drop' : this.#anything(delivery.requests++)
    const isUnanswered = behaviour === 'drop' || behaviour === 'hang'
    if (isUnanswered) delivery.unanswered++
    if (isUnanswered || behaviour.status === 200) delivery.reached++
    return behaviour
  }

  #anything(before: number): FcmBehaviour {
    const chance = this.#random()
    if (before > 0 || chance < 0.8) return { status: 200 }
    if (chance < 0.85) return { status: 500 }
    if (chance < 0.9) return { status: 503, retryAfter: '5' }
    if (chance < 0.95) return { status: 429, retryAfter: '3' }
    return chance < 0.998 || !this.#hangs ? 'drop' : 'hang'
  }
}
