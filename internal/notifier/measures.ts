import { Counter, Histogram, type Registry } from 'prom-client'
import type { Observer } from './ports.ts'

/** Seconds; the grace (10 s) and the rungs of the ladder lie on edges. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 11, 15, 60, 180, 900, 4500]

/** The notifier's own metrics. */
export class Measures implements Observer {
  readonly #decisions: Counter<'channel' | 'outcome' | 'reason'>
  readonly #attempts: Counter<'outcome'>
  readonly #latency: Histogram

  constructor(registry: Registry) {
    const registers = [registry]
    this.#decisions = new Counter({
      name: 'realchat_notification_decisions_total',
      help: 'What was decided for recipients and their devices.',
      labelNames: ['channel', 'outcome', 'reason'],
      registers,
    })
    this.#attempts = new Counter({
      name: 'realchat_push_attempts_total',
      help: 'Pushes given to the push service, by what it answered.',
      labelNames: ['outcome'],
      registers,
    })
    this.#latency = new Histogram({
      name: 'realchat_push_delay_seconds',
      help: 'From the event to the push service having taken it.',
      buckets: BUCKETS,
      registers,
    })
  }

  decided({ channel, outcome, reason }: Parameters<Observer['decided']>[0]): void {
    this.#decisions.inc({ channel, outcome, reason })
  }

  attempted(outcome: Parameters<Observer['attempted']>[0], sinceMs: number): void {
    this.#attempts.inc({ outcome })
    if (outcome === 'sent') this.#latency.observe(Math.max(0, sinceMs) / 1000)
  }
}
