import type { ConversationId, Rev, Seq } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import { type Component, pause } from '../../platform/lifecycle.ts'
import type { MessageLog } from '../../service/message/ports.ts'
import type { Live } from './live.ts'
import type { Followed } from './live-members.ts'

const AUDIT_MS = 30_000
/** While the bus is down the audit is what brings other nodes' messages. */
const INTERRUPTED_MS = 1000
const IDS_PER_QUERY = 1000
/** How far the database's clock may be behind, and how long ago an entry lost just now may have been sent. */
const CLOCKS_MS = 60_000

export interface LiveAuditDeps {
  live: Live
  log: Pick<MessageLog, 'hiddenSince'> & {
    /** Of at most 1,000 conversations, those that exist. */
    heads(
      ids: readonly ConversationId[],
    ): Promise<ReadonlyMap<ConversationId, { seq: Seq; rev: Rev; memberVersion: number }>>
  }
  /** Conversations that a user is in, at most 5,000. */
  membershipsOf(actor: Actor): Promise<Followed[]>
  onError(error: unknown): void
}

/** Compares what was delivered with the stores, so that nothing that the bus lost stays lost. */
export class LiveAudit implements Component {
  readonly name = 'live-audit'
  readonly #deps: LiveAuditDeps

  constructor(deps: LiveAuditDeps) {
    this.#deps = deps
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { live, onError } = this.#deps
    ready()
    let auditedAt = Date.now()
    while (!signal.aborted) {
      await pause(INTERRUPTED_MS, signal)
      await this.#settleDoubt(signal).catch(onError)
      if (live.isConnected && Date.now() - auditedAt < AUDIT_MS) continue
      await this.#audit().catch(onError)
      auditedAt = Date.now()
    }
    live.stop()
  }

  async #audit(): Promise<void> {
    const { live, log } = this.#deps
    const ids = live.followed()
    for (let start = 0; start < ids.length; start += IDS_PER_QUERY) {
      live.observe(await log.heads(ids.slice(start, start + IDS_PER_QUERY)))
    }
  }

  /** One after another: after an outage of the bus every inbox is in doubt, and none is in a hurry. */
  async #settleDoubt(signal: AbortSignal): Promise<void> {
    const { live, log, membershipsOf } = this.#deps
    const doubt = live.takeDoubt()
    if (!doubt) return
    const since = new Date(doubt.since - CLOCKS_MS)
    for (let start = 0; start < doubt.userIds.length; start += IDS_PER_QUERY) {
      live.hideAgain(await log.hiddenSince(doubt.userIds.slice(start, start + IDS_PER_QUERY), since))
    }
    for (const inbox of doubt.inboxes) {
      if (signal.aborted) return
      live.compare(inbox, await membershipsOf(inbox.channel.connection.actor))
    }
  }
}
