import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
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

/** A conversation of the batch. */
interface Group {
  id: ConversationId
  memberVersion: number
  items: AppendItem[]
  /** Items that count as unread. */
  counted: number
}

/** An item's group, its rank there from 1, and how many count up to it. */
interface Slot {
  place: number
  rank: number
  ordinal: number
}

/** Who reads up to which item: the last of theirs. */
interface Reader extends Slot {
  userId: UserId
}

interface Thread {
  place: number
  rootSeq: Seq
  replies: number
}

/** A batch as `append_all` takes it: everything that can be counted without looking into the log is. */
export class AppendBatch {
  readonly #items: readonly AppendItem[]
  readonly #groups: readonly Group[]
  readonly #slots: readonly Slot[]

  /** Null when `append_all` would refuse it anyway, or must not see it: then it is for `append`. */
  static of(items: readonly AppendItem[]): AppendBatch | null {
    const operations = new Set<string>()
    const groups = new Map<ConversationId, Group>()
    for (const item of items) {
      const { conversationId: id, memberVersion } = item
      const group = groups.get(id) ?? { id, memberVersion, items: [], counted: 0 }
      operations.add(`${id} ${item.senderId} ${item.operationId}`)
      if (group.memberVersion !== memberVersion) return null
      group.items.push(item)
      groups.set(id, group)
    }
    return operations.size === items.length ? new AppendBatch(items, [...groups.values()]) : null
  }

  private constructor(items: readonly AppendItem[], groups: Group[]) {
    this.#items = items
    this.#groups = groups.sort((a, b) => (a.id < b.id ? -1 : 1))
    const slots = new Map<AppendItem, Slot>()
    for (const [index, group] of this.#groups.entries()) {
      for (const [before, item] of group.items.entries()) {
        if (item.counts) group.counted++
        slots.set(item, { place: index + 1, rank: before + 1, ordinal: group.counted })
      }
    }
    this.#slots = items.map((item) => slots.get(item) ?? { place: 0, rank: 0, ordinal: 0 })
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
      binaryArray.int4(groups.map(({ items }) => items.length)),
      binaryArray.int4(groups.map(({ counted }) => counted)),
      binaryArray.text(groups.map(({ items }) => items.at(-1)?.preview ?? null)),
    ]
  }

  #itemColumns(): Buffer[] {
    const items = this.#items
    return [
      ...slotColumns(this.#slots),
      binaryArray.uuid(items.map(({ senderId }) => senderId)),
      binaryArray.uuid(items.map(({ operationId }) => operationId)),
      binaryArray.bytea(items.map(({ bodyHash }) => bodyHash)),
      binaryArray.int8(items.map(({ rootSeq }) => rootSeq)),
      binaryArray.text(items.map(({ payload }) => payload)),
    ]
  }

  #readerColumns(): Buffer[] {
    const readers = new Map<string, Reader>()
    for (const [slot, { reads, senderId: userId }] of this.#slotted()) {
      if (reads) readers.set(`${slot.place} ${userId}`, { ...slot, userId })
    }
    const sorted = [...readers.values()].sort((a, b) => a.place - b.place || (a.userId < b.userId ? -1 : 1))
    const [places, ranks, ordinals] = slotColumns(sorted)
    return [places, binaryArray.uuid(sorted.map(({ userId }) => userId)), ranks, ordinals]
  }

  #namedColumns(): Buffer[] {
    const mentions = this.#slotted().flatMap(([slot, { mentions, senderId }]) =>
      mentions.map((userId) => ({ ...slot, userId, senderId })),
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
    for (const [{ place }, { rootSeq }] of this.#slotted()) {
      if (rootSeq === null) continue
      const thread = threads.get(`${place} ${rootSeq}`) ?? { place, rootSeq, replies: 0 }
      thread.replies++
      threads.set(`${place} ${rootSeq}`, thread)
    }
    return [...threads.values()]
  }

  #slotted(): [Slot, AppendItem][] {
    return this.#items.flatMap((item, index) => {
      const slot = this.#slots[index]
      return slot ? [[slot, item]] : []
    })
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
