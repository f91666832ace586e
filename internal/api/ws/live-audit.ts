import type { ConversationId, Rev, Seq } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import { type Component, pause } from '../../platform/lifecycle.ts'
import { SHARDS } from '../../realtime/ports.ts'
import type { MessageLog } from '../../service/message/ports.ts'
import type { Doubt, Live } from './live.ts'
import type { Followed } from './live-members.ts'

const AUDIT_MS = 30_000
/** While the bus is down the audit is what brings other nodes' messages. */
const INTERRUPTED_MS = 1000
/** How many times as long as reading them took. */
const STATES_PAUSE = 9
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
  /** Shards of which what has no number is to be read. */
  readonly #unread = new Set<number>()
  /** When it is, at the earliest (ms). */
  #statesDue = 0

  constructor(deps: LiveAuditDeps) {
    this.#deps = deps
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { live, onError } = this.#deps
    ready()
    let auditedAt = Date.now()
    await live.states.advance().catch(onError)
    while (!signal.aborted) {
      await pause(INTERRUPTED_MS, signal)
      const isSettled = await this.#settleDoubt(signal).then(
        () => true,
        (error: unknown) => {
          onError(error)
          return false
        },
      )
      const isDue = !live.isConnected || Date.now() - auditedAt >= AUDIT_MS
      if (isDue) {
        await this.#audit().catch(onError)
        auditedAt = Date.now()
      }
      await this.#healStates().catch(onError)
      const isQuiet = isSettled && this.#unread.size === 0
      if (isDue && isQuiet && live.isConnected) await live.states.advance().catch(onError)
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

  /** The more there is to read, the less often, so that the store has time for the rest. */
  async #healStates(): Promise<void> {
    const { live } = this.#deps
    if (!live.isConnected) for (let shard = 0; shard < SHARDS; shard++) this.#unread.add(shard)
    const begun = Date.now()
    if (this.#unread.size === 0 || begun < this.#statesDue) return
    const waiting = await live.states.heal(this.#unread.size === SHARDS ? null : this.#unread)
    this.#unread.clear()
    for (const shard of waiting) this.#unread.add(shard)
    this.#statesDue = Date.now() + STATES_PAUSE * (Date.now() - begun)
  }

  /** One after another: after an outage of the bus every inbox is in doubt, and none is in a hurry. */
  async #settleDoubt(signal: AbortSignal): Promise<void> {
    const { live } = this.#deps
    const doubt = live.takeDoubt()
    if (!doubt) return
    for (const shard of doubt.shards) this.#unread.add(shard)
    try {
      await this.#settle(doubt, signal)
    } catch (error) {
      live.keepDoubt(doubt)
      throw error
    }
  }

  async #settle(doubt: Doubt, signal: AbortSignal): Promise<void> {
    const { live, log, membershipsOf } = this.#deps
    await this.#healStates()
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
