import { type Component, pause } from '../../platform/lifecycle.ts'
import type { MessageLog } from '../../service/message/ports.ts'
import type { Live } from './live.ts'

const AUDIT_MS = 30_000
/** While the bus is down the audit is what brings other nodes' messages. */
const INTERRUPTED_MS = 1000
const IDS_PER_QUERY = 1000

/** Compares what was delivered with the log, so that nothing that the bus lost stays lost. */
export class LiveAudit implements Component {
  readonly name = 'live-audit'
  readonly #live: Live
  readonly #log: MessageLog
  readonly #onError: (error: unknown) => void

  constructor(live: Live, log: MessageLog, onError: (error: unknown) => void) {
    this.#live = live
    this.#log = log
    this.#onError = onError
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    ready()
    let auditedAt = Date.now()
    while (!signal.aborted) {
      await pause(INTERRUPTED_MS, signal)
      if (this.#live.isConnected && Date.now() - auditedAt < AUDIT_MS) continue
      await this.#audit().catch(this.#onError)
      auditedAt = Date.now()
    }
    this.#live.stop()
  }

  async #audit(): Promise<void> {
    const ids = this.#live.followed()
    for (let start = 0; start < ids.length; start += IDS_PER_QUERY) {
      this.#live.observe(await this.#log.heads(ids.slice(start, start + IDS_PER_QUERY)))
    }
  }
}
