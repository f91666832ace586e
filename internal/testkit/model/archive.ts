import type { ChangeEntry, LogRecord } from '../../domain/change.ts'
import { unavailable } from '../../domain/errors.ts'
import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import { type LogEntry, rootSeqOf } from '../../domain/log-entry.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import type { MessageArchive, RepliesRange } from '../../service/message/ports.ts'
import { type CellRow, type CellValue, cellsOf } from './cells.ts'
import type { Rules } from './rules.ts'
import type { Schedule } from './schedule.ts'

interface Stored {
  stamp: number
  value: CellValue | null
}

/** The commit log is synced this often: what was acknowledged since may be lost at a crash. */
const UNSYNCED_MS = 10_000

/**
 * MessageArchive and ArchiveWriter on a Cassandra as the model has it: rows come one by one in any order, some
 * of a failed write long after it has failed; a crash forgets what was acknowledged of late.
 */
export class ModelArchive implements MessageArchive, ArchiveWriter {
  readonly #rules: Rules
  readonly #schedule: Schedule
  #cells = new Map<string, Stored>()
  /** All that was ever written, in order of arrival. */
  #journal: { at: number; row: CellRow }[] = []
  /** Of writes that failed: each may arrive yet. */
  #late: CellRow[] = []
  isDown = false
  isFaulty = true

  constructor(rules: Rules, schedule: Schedule) {
    this.#rules = rules
    this.#schedule = schedule
  }

  async write(records: readonly LogRecord[]): Promise<void> {
    const { random } = this.#schedule
    const rows = random.shuffled(records.flatMap(cellsOf))
    for (let n = 0; n < rows.length; n++) {
      if (n % 4 === 0) await this.#schedule.turn()
      if (this.isDown || (this.isFaulty && random.chance(0.02))) {
        this.#late.push(...rows.slice(n).filter(() => random.chance(0.5)))
        throw unavailable('Cassandra')
      }
      const row = rows[n]
      if (row) this.#arrive(row)
    }
    await this.#answer()
  }

  /** Writes of long ago that had failed. */
  arriveLate(all: boolean): void {
    const { random } = this.#schedule
    for (const row of this.#late.splice(0)) {
      if (all || random.chance(0.5)) this.#arrive(row)
      else this.#late.push(row)
    }
  }

  /** Comes back without some of what it acknowledged. */
  crash(): void {
    const { random, nowMs } = this.#schedule
    this.#journal = this.#journal.filter(({ at }) => at < nowMs - UNSYNCED_MS || random.chance(0.5))
    this.#cells = new Map()
    for (const { row } of this.#journal) this.#apply(row)
  }

  /** As it is now, to be read later. */
  copy(): ModelArchive {
    const copy = new ModelArchive(this.#rules, this.#schedule)
    copy.isFaulty = false
    copy.#cells = new Map(this.#cells)
    return copy
  }

  range(id: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    const seqs = Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n)
    return this.entries(id, seqs)
  }

  entries(id: ConversationId, seqs: readonly Seq[]): Promise<LogEntry[]> {
    return this.#read(() => seqs.toSorted((a, b) => a - b).flatMap((seq) => this.#entry(id, seq) ?? []))
  }

  changes(id: ConversationId, from: Rev, to: Rev): Promise<ChangeEntry[]> {
    return this.#read(() => {
      const found: ChangeEntry[] = []
      for (let rev = from; rev <= to; rev++) {
        const value = this.#cells.get(`change ${id} ${rev}`)?.value
        if (value?.kind === 'change') found.push(value.change)
      }
      return found
    })
  }

  edits(id: ConversationId, seq: Seq): Promise<{ content: string; stamp: number }[]> {
    return this.#read(() =>
      this.#below(`edit ${id} ${seq} `, `erased-edits ${id} ${seq}`)
        .flatMap(({ stamp, value }) => (value?.kind === 'edit' ? [{ stamp, content: value.content }] : []))
        .sort((a, b) => a.stamp - b.stamp),
    )
  }

  replies(id: ConversationId, { rootSeq, anchor, seq, limit }: RepliesRange): Promise<Seq[]> {
    return this.#read(() => {
      const seqs = this.#below(`message ${id} `, '')
        .flatMap(({ value }) => (value?.kind === 'message' ? value.entry : []))
        .filter((entry) => rootSeqOf(entry) === rootSeq)
        .map((entry) => entry.seq)
        .sort((a, b) => a - b)
      if (anchor === 'after') return seqs.filter((reply) => reply > seq).slice(0, limit)
      return seqs.filter((reply) => reply < seq).slice(-limit)
    })
  }

  reactors(id: ConversationId, seq: Seq, emoji: string, limit: number): Promise<UserId[]> {
    return this.#read(() =>
      this.#below(`reaction ${id} ${seq} ${emoji} `, `erased-reactions ${id} ${seq}`)
        .filter(({ value }) => value !== null)
        .map(({ key }) => key.slice(key.lastIndexOf(' ') + 1) as UserId)
        .slice(0, limit),
    )
  }

  async reactedBy(
    id: ConversationId,
    userId: UserId,
    reactions: readonly { seq: Seq; emoji: string }[],
  ): Promise<{ seq: Seq; emoji: string }[]> {
    return this.#read(() =>
      reactions.filter(({ seq, emoji }) => {
        const key = `reaction ${id} ${seq} ${emoji} ${userId}`
        return this.#below(key, `erased-reactions ${id} ${seq}`).some(({ value }) => value !== null)
      }),
    )
  }

  #entry(id: ConversationId, seq: Seq): LogEntry | null {
    const [message, payload, state] = ['message', 'payload', 'state'].map(
      (kind) => this.#cells.get(`${kind} ${id} ${seq}`)?.value,
    )
    if (message?.kind !== 'message' || payload?.kind !== 'payload') return null
    return {
      ...message.entry,
      payload: payload.payload,
      state: state?.kind === 'state' ? state.state : null,
    }
  }

  /** Cells whose key begins so, less those that were erased since. */
  #below(prefix: string, erasedBy: string): (Stored & { key: string })[] {
    const erased = this.#cells.get(erasedBy)?.stamp ?? 0
    return [...this.#cells]
      .filter(([key, { stamp }]) => key.startsWith(prefix) && stamp > erased)
      .map(([key, stored]) => ({ ...stored, key }))
  }

  #arrive(row: CellRow): void {
    this.#journal.push({ at: this.#schedule.nowMs, row })
    this.#apply(row)
  }

  #apply(row: CellRow): void {
    for (const { key, stamp, value } of row) {
      const before = this.#cells.get(key)
      if (this.#rules.stamps && before && before.stamp >= stamp) continue
      this.#cells.set(key, { stamp, value })
    }
  }

  async #read<Result>(look: () => Result): Promise<Result> {
    await this.#schedule.turn()
    if (this.isDown) throw unavailable('Cassandra')
    const result = look()
    await this.#answer()
    return result
  }

  async #answer(): Promise<void> {
    await this.#schedule.turn()
    if (this.isFaulty && this.#schedule.random.chance(0.03)) throw unavailable('Cassandra')
  }
}
