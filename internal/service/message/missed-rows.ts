import { type AppliedChange, appliedChangeOf, type ChangeEntry, changeBodyOf } from '../../domain/change.ts'
import type { ConversationId, Rev, Seq } from '../../domain/ids.ts'
import { bodyWith, messageOf, payloadOf } from '../../domain/log-entry.ts'
import type { Message } from '../../domain/message.ts'
import type { ChangeReader } from './change-reader.ts'
import { type Found, type MessageReader, missing, seqsBetween } from './message-reader.ts'
import type { MessageLog } from './ports.ts'

/** A row of the log as live delivery tells of it; `n` = seq + rev numbers both kinds as one. */
export type LiveRow = { n: number; message: Message } | { n: number; change: AppliedChange }

export interface Following {
  /** Ascending by n without gaps, from the place asked for. */
  entries: LiveRow[]
  memberVersion: number
}

const FOLLOWING_MAX = 200

/** Rows that live delivery did not bring, read for the node itself. */
export class MissedRows {
  readonly #log: MessageLog
  readonly #reader: MessageReader
  readonly #changes: ChangeReader

  constructor(log: MessageLog, reader: MessageReader, changes: ChangeReader) {
    this.#log = log
    this.#reader = reader
    this.#changes = changes
  }

  /** At most 200 messages and as many changes after a place, in the order of the log. */
  async following(conversationId: ConversationId, after: { seq: Seq; rev: Rev }): Promise<Following> {
    const head = (await this.#log.heads([conversationId])).get(conversationId)
    if (!head) return { entries: [], memberVersion: 0 }
    const seqs = seqsBetween(after.seq + 1, Math.min(head.seq, after.seq + FOLLOWING_MAX))
    const to = Math.min(head.rev, after.rev + FOLLOWING_MAX)
    const { entries: changes, fault: lacking } = await this.#changes.entries(
      conversationId,
      after.rev + 1,
      to,
    )
    const asked = [...new Set([...seqs, ...changes.map((change) => change.targetSeq)])]
    const { entries, fault } = await this.#rowsOf(conversationId, asked)
    const broken = fault ?? lacking
    if (broken) throw broken
    const overlays = await this.#overlaysOf(conversationId, asked)
    const hidden = new Set<Seq>()
    const given = { conversationId, viewerId: null, entries: [...entries.values()], overlays, hidden }
    const messages = new Map((await this.#reader.present(given)).map((message) => [message.seq, message]))
    const rows: LiveRow[] = []
    for (const seq of seqs) {
      const [entry, message] = [entries.get(seq), messages.get(seq)]
      if (entry && message) rows.push({ n: seq + entry.rev, message })
    }
    for (const change of changes) {
      const message = messages.get(change.targetSeq) ?? vanished(change)
      rows.push({ n: change.headSeq + change.rev, change: appliedChangeOf(change, message) })
    }
    return { entries: contiguous(rows, after.seq + after.rev), memberVersion: head.memberVersion }
  }

  /** 200 at a time. */
  async #rowsOf(conversationId: ConversationId, seqs: readonly Seq[]): Promise<Found> {
    const parts = await Promise.all(
      chunks(seqs, FOLLOWING_MAX).map((part) => this.#reader.rows(conversationId, part)),
    )
    const entries = new Map(parts.flatMap((part) => [...part.entries]))
    const lost = missing(entries, seqs).length > 0
    return { entries, fault: lost ? (parts.find(({ fault }) => fault)?.fault ?? null) : null }
  }

  async #overlaysOf(conversationId: ConversationId, seqs: readonly Seq[]) {
    const parts = await Promise.all(
      chunks(seqs, FOLLOWING_MAX).map((part) => this.#reader.overlays(conversationId, part)),
    )
    return {
      states: new Map(parts.flatMap((part) => [...part.states])),
      replies: new Map(parts.flatMap((part) => [...part.replies])),
    }
  }
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) =>
    items.slice(n * size, n * size + size),
  )
}

function contiguous(rows: LiveRow[], after: number): LiveRow[] {
  const sorted = rows.sort((a, b) => a.n - b.n)
  const gap = sorted.findIndex((row, index) => row.n !== after + 1 + index)
  return gap < 0 ? sorted : sorted.slice(0, gap)
}

/** What can be said of a message that has disappeared since it was changed: the change still has its place. */
function vanished(change: ChangeEntry): Message {
  const { conversationId, targetSeq: seq, rev, stamp, operationId } = change
  const { messageId, authorId: senderId, era } = changeBodyOf(change)
  const payload = payloadOf(bodyWith({}))
  const row = {
    conversationId,
    seq,
    rev,
    era,
    ordinal: 0,
    stamp,
    senderId,
    operationId,
    payload,
    state: null,
  }
  return { ...messageOf(row), id: messageId }
}
