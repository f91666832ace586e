import type { Message } from '../../domain/message.ts'

const ITEMS_MAX = 2000
const BYTES_MAX = 2_000_000
/** Of a message's JSON, about: its fields without text; a reaction with ten users; an id. */
const MESSAGE_BYTES = 700
const REACTION_BYTES = 450
const ID_BYTES = 40

/** How much goes into one answer: some 2,000 messages and changes, some 2 MB. Exceeded by one item at most. */
export class SyncBudget {
  #items = ITEMS_MAX
  #bytes = BYTES_MAX

  get isSpent(): boolean {
    return this.#items <= 0 || this.#bytes <= 0
  }

  /** The first of these, as many as there is room for. */
  first<Item>(items: readonly Item[], messageOf: (item: Item) => Message | null): Item[] {
    return items.slice(0, this.#take(items.map(messageOf)))
  }

  /** The last of these. */
  last(messages: readonly Message[]): Message[] {
    return messages.slice(messages.length - this.#take(messages.toReversed()))
  }

  #take(messages: readonly (Message | null)[]): number {
    let count = 0
    for (const message of messages) {
      if (this.isSpent) break
      count++
      this.#items--
      this.#bytes -= message ? sizeOf(message) : ID_BYTES
    }
    return count
  }
}

function sizeOf({ content, reactions, mentions }: Message): number {
  return (
    MESSAGE_BYTES +
    content.length * 2 +
    reactions.length * REACTION_BYTES +
    mentions.userIds.length * ID_BYTES
  )
}
