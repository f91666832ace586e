import type { ConversationId, Seq } from '../../domain/ids.ts'
import type { AppendItem, AppendOutcome } from '../../service/message/ports.ts'
import { binaryArray } from './binary-array.ts'

/** The answer of `append_all`: arrays as text, one element per conversation. */
export interface AppendAllRow {
  seqs: string
  revs: string
  ordinals: string
  stamps: string
  era: number
}

/** A conversation of the batch, counted while its items are placed. */
interface Group {
  id: ConversationId
  memberVersion: number
  /** From 1. */
  place: number
  size: number
  /** Items that count as unread. */
  counted: number
  last: AppendItem
}

/** An item, its group, its rank there from 1, and how many count up to it. */
interface Slot {
  item: AppendItem
  place: number
  rank: number
  ordinal: number
}

interface Thread {
  place: number
  rootSeq: Seq
  replies: number
}

/** A batch as `append_all` takes it: everything that can be counted without looking into the log is. */
export class AppendBatch {
  readonly #groups: readonly Group[]
  readonly #slots: readonly Slot[]

  /** Null when `append_all` would refuse it anyway, or must not see it: then it is for `append`. */
  static of(items: readonly AppendItem[]): AppendBatch | null {
    const operations = new Set<string>()
    const groups = new Map<ConversationId, Group>()
    for (const item of items) {
      const { conversationId: id, memberVersion } = item
      operations.add(item.operationId)
      const known = groups.get(id)
      if (!known) groups.set(id, { id, memberVersion, place: 0, size: 0, counted: 0, last: item })
      else if (known.memberVersion !== memberVersion) return null
    }
    return operations.size === items.length ? new AppendBatch(items, groups) : null
  }

  private constructor(items: readonly AppendItem[], groups: ReadonlyMap<ConversationId, Group>) {
    this.#groups = [...groups.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    for (const [index, group] of this.#groups.entries()) group.place = index + 1
    this.#slots = items.map((item) => {
      const group = groups.get(item.conversationId)
      if (!group) throw new RangeError('an item without its group')
      group.last = item
      if (item.counts) group.counted++
      return { item, place: group.place, rank: ++group.size, ordinal: group.counted }
    })
  }

  /** The parameters of `append_all`. */
  values(): Buffer[] {
    return [
      ...this.#groupColumns(),
      ...this.#itemColumns(),
      ...this.#readerColumns(),
      ...this.#namedColumns(),
    ]
  }

  /** Each item's place, from what its conversation's head was. */
  outcomes(row: AppendAllRow): AppendOutcome[] {
    const [seqs, revs, ordinals, stamps] = [row.seqs, row.revs, row.ordinals, row.stamps].map(numbersOf)
    return this.#slots.map(({ place, rank, ordinal }) => ({
      status: 'ok',
      seq: (seqs?.[place - 1] ?? 0) + rank,
      rev: revs?.[place - 1] ?? 0,
      ordinal: (ordinals?.[place - 1] ?? 0) + ordinal,
      stamp: (stamps?.[place - 1] ?? 0) + rank - 1,
      era: row.era,
    }))
  }

  #groupColumns(): Buffer[] {
    const groups = this.#groups
    return [
      binaryArray.uuid(groups.map(({ id }) => id)),
      binaryArray.int8(groups.map(({ memberVersion }) => memberVersion)),
      binaryArray.int4(groups.map(({ size }) => size)),
      binaryArray.int4(groups.map(({ counted }) => counted)),
      binaryArray.text(groups.map(({ last }) => last.preview)),
    ]
  }

  #itemColumns(): Buffer[] {
    const slots = this.#slots
    return [
      ...slotColumns(slots),
      binaryArray.uuid(slots.map(({ item }) => item.senderId)),
      binaryArray.uuid(slots.map(({ item }) => item.operationId)),
      binaryArray.bytea(slots.map(({ item }) => item.bodyHash)),
      binaryArray.int8(slots.map(({ item }) => item.rootSeq)),
      binaryArray.text(slots.map(({ item }) => item.payload)),
    ]
  }

  /** Who reads by sending: up to their last item. */
  #readerColumns(): Buffer[] {
    const last = new Map<string, Slot>()
    for (const slot of this.#slots) {
      if (slot.item.reads) last.set(`${slot.place} ${slot.item.senderId}`, slot)
    }
    const readers = [...last.values()].sort(
      (a, b) => a.place - b.place || (a.item.senderId < b.item.senderId ? -1 : 1),
    )
    const [places, ranks, ordinals] = slotColumns(readers)
    return [places, binaryArray.uuid(readers.map(({ item }) => item.senderId)), ranks, ordinals]
  }

  #namedColumns(): Buffer[] {
    const mentions = this.#slots.flatMap(({ place, rank, item }) =>
      item.mentions.map((userId) => ({ place, rank, userId, senderId: item.senderId })),
    )
    const threads = this.#threads()
    return [
      binaryArray.int4(mentions.map(({ place }) => place)),
      binaryArray.int4(mentions.map(({ rank }) => rank)),
      binaryArray.uuid(mentions.map(({ userId }) => userId)),
      binaryArray.uuid(mentions.map(({ senderId }) => senderId)),
      binaryArray.int4(threads.map(({ place }) => place)),
      binaryArray.int8(threads.map(({ rootSeq }) => rootSeq)),
      binaryArray.int4(threads.map(({ replies }) => replies)),
    ]
  }

  #threads(): Thread[] {
    const threads = new Map<string, Thread>()
    for (const { place, item } of this.#slots) {
      const { rootSeq } = item
      if (rootSeq === null) continue
      const thread = threads.get(`${place} ${rootSeq}`) ?? { place, rootSeq, replies: 0 }
      thread.replies++
      threads.set(`${place} ${rootSeq}`, thread)
    }
    return [...threads.values()]
  }
}

function slotColumns(slots: readonly Slot[]): [Buffer, Buffer, Buffer] {
  return [
    binaryArray.int4(slots.map(({ place }) => place)),
    binaryArray.int4(slots.map(({ rank }) => rank)),
    binaryArray.int4(slots.map(({ ordinal }) => ordinal)),
  ]
}

/** Of `{1,2,3}`. */
function numbersOf(array: string): number[] {
  return array.slice(1, -1).split(',').map(Number)
}
