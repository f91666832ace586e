import type { AppliedChange } from '../../domain/change.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { HiddenMessage, Message } from '../../domain/message.ts'
import type { LiveEvents, MembersChanged, ReceiptMoved } from '../../service/live/ports.ts'
import type { PresenceSignal } from '../../service/presence/signals.ts'
import { encodeLiveEntry, type LiveEntry, shardOfEntry, type TypingEntry } from './live-entry.ts'
import { hiddenEntry } from './live-personal.ts'
import { ReceiptTicks } from './live-receipts.ts'
import { rowOfChange, rowOfMessage } from './live-row.ts'

/** Tells all nodes, this one included, what happened; each tells its sockets. */
export class LivePublisher implements LiveEvents {
  readonly #publish: (shard: number, entry: string) => void
  readonly #receipts: ReceiptTicks

  /** `publish` hands this node's own entries to its live delivery, too. */
  constructor(publish: (shard: number, entry: string) => void, receiptsEveryMs?: number) {
    this.#publish = publish
    this.#receipts = new ReceiptTicks({
      publish: (conversationId, receipts) => this.#send({ kind: 'receipts', conversationId, receipts }),
      ...(receiptsEveryMs === undefined ? {} : { everyMs: receiptsEveryMs }),
    })
  }

  messageCreated(message: Message, memberVersion: number, origin: string | null): void {
    this.#send(rowOfMessage(message, memberVersion, origin))
  }

  messageChanged(change: AppliedChange, memberVersion: number, origin: string | null): void {
    this.#send(rowOfChange(change, memberVersion, origin))
  }

  messageHidden(hidden: HiddenMessage, origin: string | null): void {
    this.#send(hiddenEntry(hidden, origin))
  }

  conversationCreated(conversationId: ConversationId, memberIds: readonly UserId[]): void {
    this.#send({ kind: 'created', conversationId, memberIds })
  }

  membersChanged({ conversationId, memberVersion, joined, left, updated }: MembersChanged): void {
    this.#send({ kind: 'members', conversationId, memberVersion, joined, left, updated })
  }

  conversationUpdated(conversationId: ConversationId, memberVersion: number): void {
    this.#send({ kind: 'updated', conversationId, memberVersion })
  }

  conversationDeleted(conversationId: ConversationId, memberVersion: number): void {
    this.#send({ kind: 'deleted', conversationId, memberVersion })
  }

  preferencesChanged(userId: UserId, conversationId: ConversationId): void {
    this.#send({ kind: 'preferences', userId, conversationId })
  }

  receiptMoved(receipt: ReceiptMoved, toMembers: boolean, origin: string | null): void {
    const { conversationId, userId, readSeq } = receipt
    if (toMembers) this.#receipts.add(receipt, origin)
    this.#send({ kind: 'read', userId, conversationId, readSeq, origin })
  }

  typing(typing: Omit<TypingEntry, 'kind'>): void {
    this.#send({ kind: 'typing', ...typing })
  }

  presence(signal: PresenceSignal): void {
    this.#send({ kind: 'presence', ...signal })
  }

  blocksChanged(userId: UserId): void {
    this.#send({ kind: 'blocks', userId })
  }

  settingsUpdated(userId: UserId, settings: object): void {
    this.#send({ kind: 'settings', userId, json: JSON.stringify({ settings }) })
  }

  /** Tells what is kept for the next tick. */
  flush(): void {
    this.#receipts.flush()
  }

  #send(entry: LiveEntry): void {
    this.#publish(shardOfEntry(entry), encodeLiveEntry(entry))
  }
}
