import type { ConversationId, MessageId, UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import { cutPage, type Page } from '../page.ts'
import { type Explanation, explain } from './explain.ts'
import type {
  MessageFinder,
  RecipientOutcome,
  TracePlace,
  TraceQuery,
  TraceReader,
  TraceRow,
} from './ports.ts'

export interface TraceServiceDeps {
  traces: TraceReader
  messages: MessageFinder
}

/** What a sender is told: nothing of why, as that is the recipients' own. */
export interface RecipientSummary {
  counts: Record<RecipientOutcome, number>
  /** In conversations of up to a hundred recipients; empty above. */
  items: { userId: UserId; outcome: RecipientOutcome }[]
}

export interface TraceListQuery extends Omit<TraceQuery, 'before'> {
  cursor: string | null
}

/** Recipients named one by one; beyond it only counts, as with receipts. */
const NAMED_MAX = 100

/** Why somebody was or was not notified, for a week. */
export class TraceService {
  readonly #deps: TraceServiceDeps

  constructor(deps: TraceServiceDeps) {
    this.#deps = deps
  }

  /**
   * About one's own devices; who sent the message is told how it stands with the recipients.
   * @throws DomainError not_found for a message that the actor may not see.
   */
  async ofMessage(
    actor: Actor,
    conversationId: ConversationId,
    messageId: MessageId,
  ): Promise<{ items: Explanation[]; recipients: RecipientSummary | null }> {
    const { seq, senderId } = await this.#deps.messages.get(actor, conversationId, messageId)
    const message = { conversationId, seq }
    if (senderId === actor.userId) {
      return { items: [], recipients: summaryOf(await this.#deps.traces.recipients(message)) }
    }
    const { decisions, attempts, devices } = await this.#deps.traces.ofRecipient(message, actor.userId)
    return { items: explain(decisions, attempts, devices), recipients: null }
  }

  /** For operators, by user or by message. */
  async list({ cursor, limit, ...query }: TraceListQuery): Promise<Page<TraceRow>> {
    const before = decodeCursor<TracePlace>(cursor, { at: 'time', eventId: 'text', pass: 'number' })
    const found = await this.#deps.traces.list({ ...query, before, limit: limit + 1 })
    return cutPage(found, limit, ({ at, eventId, pass }) => encodeCursor({ at, eventId, pass }))
  }
}

function summaryOf(found: readonly RecipientSummary['items'][number][]): RecipientSummary {
  const counts = { sent: 0, pending: 0, none: 0 }
  for (const { outcome } of found) counts[outcome]++
  return { counts, items: found.length > NAMED_MAX ? [] : [...found] }
}
