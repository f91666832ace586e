import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { TopicHub } from '../../realtime/index.ts'
import type { TypingEntry } from './live-entry.ts'
import { chatTopic } from './topic-names.ts'

/** Milliseconds after which somebody who says nothing more no longer types. */
const TYPING_MS = 6000

/** Who types in the conversations that sockets here have joined; each node ends it by its own clock. */
export class LiveTyping {
  readonly #hub: TopicHub
  readonly #afterMs: number
  readonly #typing = new Map<string, NodeJS.Timeout>()

  constructor(hub: TopicHub, afterMs = TYPING_MS) {
    this.#hub = hub
    this.#afterMs = afterMs
  }

  tell(entry: TypingEntry): void {
    const { conversationId, typist, isTyping, origin } = entry
    if (this.#hub.size(chatTopic(conversationId)) === 0) return
    const known = this.#typing.get(conversationId + typist)
    if (!isTyping) this.#end(conversationId, typist, origin)
    else if (known) known.refresh()
    else {
      const timer = setTimeout(() => this.#end(conversationId, typist, null), this.#afterMs).unref()
      this.#typing.set(conversationId + typist, timer)
      this.#broadcast(conversationId, 'typing:start', typist, origin)
    }
  }

  stop(): void {
    for (const timer of this.#typing.values()) clearTimeout(timer)
    this.#typing.clear()
  }

  #end(id: ConversationId, typist: UserId, origin: string | null): void {
    const timer = this.#typing.get(id + typist)
    if (!timer) return
    clearTimeout(timer)
    this.#typing.delete(id + typist)
    this.#broadcast(id, 'typing:stop', typist, origin)
  }

  #broadcast(id: ConversationId, event: string, userId: UserId, origin: string | null): void {
    const options = { droppable: true, ...(origin === null ? {} : { exceptConnectionId: origin }) }
    this.#hub.broadcast(chatTopic(id), event, JSON.stringify({ userId }), options)
  }
}
