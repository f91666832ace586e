import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { TopicHub } from '../../realtime/index.ts'
import type { ReceiptMoved } from '../../service/live/ports.ts'
import type { Receipt } from './live-entry.ts'
import type { Room } from './rooms.ts'
import { chatTopic } from './topic-names.ts'

const EVERY_MS = 500

export interface ReceiptTicksOptions {
  publish(conversationId: ConversationId, receipts: readonly Receipt[]): void
  everyMs?: number
}

/** Receipts of this node's users, published twice a second: of each user the latest. */
export class ReceiptTicks {
  readonly #options: ReceiptTicksOptions
  #moved = new Map<ConversationId, Map<UserId, Receipt>>()
  #timer: NodeJS.Timeout | null = null

  constructor(options: ReceiptTicksOptions) {
    this.#options = options
  }

  add({ conversationId, ...moved }: ReceiptMoved, origin: string | null): void {
    const ofConversation = this.#moved.get(conversationId) ?? new Map<UserId, Receipt>()
    const before = ofConversation.get(moved.userId)
    ofConversation.set(moved.userId, { ...(before ? forward(before, moved) : moved), at: moved.at, origin })
    this.#moved.set(conversationId, ofConversation)
    this.#timer ??= setTimeout(() => this.flush(), this.#options.everyMs ?? EVERY_MS).unref()
  }

  flush(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    const moved = this.#moved
    this.#moved = new Map()
    for (const [id, receipts] of moved) this.#options.publish(id, [...receipts.values()])
  }
}

/**
 * To those in the room; a socket that reads slowly may miss some, as a later one says the same and more. False when
 * some were not told, as somebody in the room may not be a member any more.
 */
export function tellReceipts(
  hub: TopicHub,
  id: ConversationId,
  room: Room,
  receipts: readonly Receipt[],
  admits: (id: ConversationId, memberVersion: number) => boolean,
): boolean {
  let all = true
  for (const { origin, memberVersion, ...receipt } of receipts) {
    const isAdmitted = admits(id, memberVersion)
    all &&= isAdmitted
    const next = isAdmitted ? newReceipt(room, receipt) : null
    const options = { droppable: true, ...(origin === null ? {} : { exceptConnectionId: origin }) }
    if (next) hub.broadcast(chatTopic(id), 'receipt', JSON.stringify(next), options)
  }
  return all
}

/** One that was read from the store; to the others in the room, as the user's own sockets know. */
export function tellHealedReceipt(hub: TopicHub, id: ConversationId, room: Room, receipt: Told): void {
  const next = newReceipt(room, receipt)
  if (!next) return
  const own = [...(room.attendees.get(receipt.userId) ?? [])].map(({ channel }) => channel.connection.id)
  const options = { droppable: true, except: new Set(own) }
  hub.broadcast(chatTopic(id), 'receipt', JSON.stringify(next), options)
}

type Told = Omit<Receipt, 'origin' | 'memberVersion'>

/** The receipt as it is to be told in this room; null when nothing in it is new. */
function newReceipt(room: Room, receipt: Told): Told | null {
  const told = room.receipts.get(receipt.userId) ?? { deliveredSeq: 0, readSeq: 0 }
  const next = forward(told, receipt)
  if (next.deliveredSeq === told.deliveredSeq && next.readSeq === told.readSeq) return null
  room.receipts.set(receipt.userId, { deliveredSeq: next.deliveredSeq, readSeq: next.readSeq })
  return next
}

function forward<Moved extends { deliveredSeq: number; readSeq: number }>(
  before: { deliveredSeq: number; readSeq: number },
  moved: Moved,
): Moved {
  return {
    ...moved,
    deliveredSeq: Math.max(before.deliveredSeq, moved.deliveredSeq),
    readSeq: Math.max(before.readSeq, moved.readSeq),
  }
}
