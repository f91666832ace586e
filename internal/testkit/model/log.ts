import { type ChangeEntry, changeBodyOf, isChange, stateAfter } from '../../domain/change.ts'
import { type ConversationId, laneOf, type Rev, type Seq, type UserId } from '../../domain/ids.ts'
import { type LogEntry, rootSeqOf, timeOf } from '../../domain/log-entry.ts'
import type { HiddenMessage, MessageState } from '../../domain/message.ts'
import type {
  AppendItem,
  AppendOutcome,
  ChangeItem,
  ChangeOutcome,
  Head,
  MessageLog,
  Overlays,
  RepliesRange,
  SeqRange,
  Standpoint,
  Window,
} from '../../service/message/ports.ts'
import { appendRows } from './append.ts'
import { changeRow } from './change.ts'
import { isPast, type ModelDatabase, type ModelRow } from './database.ts'
import type { ModelLanes } from './lanes.ts'

/** MessageLog as one node has it, on the model's PostgreSQL; what each SQL statement does is done in one step. */
export class ModelLog implements MessageLog {
  readonly #db: ModelDatabase
  readonly #lanes: ModelLanes
  readonly #node: string

  constructor(db: ModelDatabase, lanes: ModelLanes, node: string) {
    this.#db = db
    this.#lanes = lanes
    this.#node = node
  }

  append(items: readonly AppendItem[], { wait }: { wait: boolean }): Promise<AppendOutcome[]> {
    return appendRows(this.#db, this.#node, items, wait)
  }

  change(item: ChangeItem): Promise<ChangeOutcome> {
    return changeRow(this.#db, this.#node, item)
  }

  window(id: ConversationId, _viewerId: UserId, range: SeqRange): Promise<Window | null> {
    return this.#read((): Window | null => {
      const head = this.#db.heads.get(id)
      if (!head) return null
      const [from, to] = bounds(range, head.seq)
      const { cursor } = this.#lanes.lane('archive', laneOf(id))
      const tail = this.#rows(id).filter(
        (row) =>
          !isChange(row.record) && within(row.record.seq, from, to) && isPast(this.#db.placeOf(row), cursor),
      )
      const overlays = this.#overlays(id, (seq) => within(seq, from, to))
      return {
        ...standpointOf(head),
        ...overlays,
        from,
        to,
        tail: messages(tail).sort((a, b) => a.seq - b.seq),
        hidden: new Set<Seq>(),
        hiddenSince: [],
      }
    })
  }

  standpoint(id: ConversationId, _viewerId: UserId): Promise<Standpoint | null> {
    return this.#read(() => {
      const head = this.#db.heads.get(id)
      return head ? standpointOf(head) : null
    })
  }

  heads(ids: readonly ConversationId[]): Promise<Map<ConversationId, Head>> {
    return this.#read(() => {
      const found = new Map<ConversationId, Head>()
      for (const id of ids) {
        const head = this.#db.heads.get(id)
        if (head) found.set(id, { seq: head.seq, rev: head.rev, memberVersion: head.memberVersion })
      }
      return found
    })
  }

  entries(id: ConversationId, seqs: readonly Seq[]): Promise<LogEntry[]> {
    return this.#read(() => messages(this.#rows(id)).filter(({ seq }) => seqs.includes(seq)))
  }

  overlays(id: ConversationId, seqs: readonly Seq[]): Promise<Overlays> {
    return this.#read(() => this.#overlays(id, (seq) => seqs.includes(seq)))
  }

  changes(id: ConversationId, from: Rev, to: Rev): Promise<ChangeEntry[]> {
    return this.#read(() => this.#changes(id).filter(({ rev }) => within(rev, from, to)))
  }

  edits(id: ConversationId, seq: Seq): Promise<ChangeEntry[]> {
    return this.#read(() => this.#changes(id).filter((one) => one.targetSeq === seq && one.kind === 'edit'))
  }

  reactionsTo(id: ConversationId, seq: Seq, emoji: string): Promise<{ userId: UserId; added: boolean }[]> {
    return this.#read(() => {
      const last = new Map<UserId, boolean>()
      for (const change of this.#changes(id)) {
        const body = changeBodyOf(change)
        if (change.targetSeq === seq && body.emoji === emoji) last.set(change.senderId, body.added)
      }
      return [...last].map(([userId, added]) => ({ userId, added }))
    })
  }

  reactionsBy(
    id: ConversationId,
    userId: UserId,
    seqs: readonly Seq[],
  ): Promise<{ seq: Seq; emoji: string; added: boolean }[]> {
    return this.#read(() => {
      const last = new Map<string, { seq: Seq; emoji: string; added: boolean }>()
      for (const change of this.#changes(id)) {
        const { emoji, added } = changeBodyOf(change)
        const { targetSeq: seq, senderId } = change
        if (senderId !== userId || emoji === null || !seqs.includes(seq)) continue
        last.set(`${seq} ${emoji}`, { seq, emoji, added })
      }
      return [...last.values()]
    })
  }

  replies(id: ConversationId, { rootSeq, anchor, seq, limit }: RepliesRange): Promise<Seq[]> {
    return this.#read(() => {
      const replies = messages(this.#rows(id)).filter((entry) => rootSeqOf(entry) === rootSeq)
      const seqs = replies.map((entry) => entry.seq).sort((a, b) => a - b)
      if (anchor === 'after') return seqs.filter((reply) => reply > seq).slice(0, limit)
      return seqs.filter((reply) => reply < seq).slice(-limit)
    })
  }

  hidden(): Promise<Set<Seq>> {
    return this.#read(() => new Set<Seq>())
  }

  hide(hidden: Omit<HiddenMessage, 'rev' | 'at'>): Promise<HiddenMessage> {
    const rev = () => this.#db.heads.get(hidden.conversationId)?.rev ?? 0
    return this.#read(() => ({ ...hidden, rev: rev(), at: timeOf(0) }))
  }

  hiddenSince(): Promise<HiddenMessage[]> {
    return this.#read(() => [])
  }

  pins(id: ConversationId): Promise<Seq[]> {
    return this.#read(() => {
      const { states } = this.#overlays(id, () => true)
      return [...states].filter(([, state]) => state.pinned && !state.deletion).map(([seq]) => seq)
    })
  }

  /** Pins are of messages that are there: none is left behind. */
  forgetPins(): Promise<void> {
    return this.#read(() => {})
  }

  /** On its way there, at work in one moment, and on its way back: by then it may be out of date. */
  async #read<Result>(look: () => Result): Promise<Result> {
    await this.#db.schedule.turn()
    const result = look()
    await this.#db.answer()
    return result
  }

  #rows(id: ConversationId): readonly ModelRow[] {
    return this.#db.rows.get(id) ?? []
  }

  #changes(id: ConversationId): ChangeEntry[] {
    return this.#rows(id)
      .flatMap(({ record }) => (isChange(record) ? { ...record } : []))
      .sort((a, b) => a.rev - b.rev)
  }

  #overlays(id: ConversationId, isAsked: (seq: Seq) => boolean): Overlays {
    const states = new Map<Seq, MessageState>()
    for (const change of this.#changes(id)) {
      if (isAsked(change.targetSeq)) states.set(change.targetSeq, stateAfter(change))
    }
    return { states, replies: new Map() }
  }
}

function messages(rows: readonly ModelRow[]): LogEntry[] {
  return rows.flatMap(({ record }) => (isChange(record) ? [] : { ...record }))
}

function within(place: number, from: number, to: number): boolean {
  return place >= from && place <= to
}

function standpointOf(head: { seq: Seq; rev: Rev; memberVersion: number }): Standpoint {
  const { seq, rev, memberVersion } = head
  return { seq, rev, memberVersion, epoch: 'model.1', role: 'owner', firstVisible: 1 }
}

/** As the statement `window` cuts a range to what exists. */
function bounds({ anchor, seq, limit }: SeqRange, head: Seq): [from: Seq, to: Seq] {
  let lowest = Math.min(seq - 1, head) - limit + 1
  if (anchor === 'after') lowest = seq + 1
  if (anchor === 'around') lowest = Math.min(Math.max(seq, 1), head) - Math.floor(limit / 2)
  return [Math.max(lowest, 1), Math.min(lowest + limit - 1, head)]
}
