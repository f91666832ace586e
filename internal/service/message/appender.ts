import { laneOf } from '../../domain/ids.ts'
import { type Appended, type AppendLog, type AppendRequest, Pump } from './pump.ts'

const PUMPS = 2

/**
 * Group commit: collects the sends of this node into few large transactions while keeping, per conversation,
 * the order in which they came. Each pump has one call in flight and its share of the conversations, so that
 * the node never overtakes itself.
 */
export class Appender {
  readonly #pumps: Pump[]

  constructor(log: AppendLog, now: () => number = performance.now.bind(performance)) {
    this.#pumps = Array.from({ length: PUMPS }, () => new Pump(log, now))
  }

  /** What comes now is refused, to some conversations at least: who asks first is spared the work. */
  get isFull(): boolean {
    return this.#pumps.some((pump) => pump.isFull)
  }

  /** Resolves once the message is committed. */
  append(request: AppendRequest): Promise<Appended> {
    const pump = this.#pumps[laneOf(request.conversationId) % PUMPS]
    if (!pump) throw new RangeError('no pump')
    return pump.add(request)
  }

  /** Resolves when nothing is under way. */
  async drained(): Promise<void> {
    await Promise.all(this.#pumps.map((pump) => pump.idle()))
  }
}
