import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import type { Actor } from '../../domain/user.ts'
import type { BatchingListener } from '../../realtime/batching.ts'
import type { TopicHub } from '../../realtime/hub.ts'
import { OrderedStream } from '../../realtime/ordered-stream.ts'
import type { Connection } from '../../realtime/topic.ts'
import type { LiveEvents } from '../../service/live/ports.ts'
import type { History } from '../../service/message/history.ts'
import type { RelayWaker } from '../../service/message/ports.ts'
import { decodeLiveEntry, encodeLiveEntry, type LiveEntry, type MessageEntry, shardOf } from './live-entry.ts'
import { type JoinBuffer, type Room, Rooms } from './rooms.ts'
import { chatTopic, INBOX_TOPIC } from './topic-names.ts'

export interface LiveDeps {
  hub: TopicHub
  history: Pick<History, 'following'>
  relay: RelayWaker
  onError(error: unknown): void
}

/** Somebody's own stream on this node; told when they are put into a conversation. */
export interface Inbox {
  connection: Connection<Actor>
  rooms: Set<ConversationId>
  /** `buffer` collects what is delivered there until `joined` says where it goes. */
  conversationCreated(id: ConversationId, buffer: JoinBuffer): void
}

/**
 * Live delivery on one node: entries from all nodes come in, are put into seq order per conversation, healed
 * from the log where something is missing, and go out to the sockets that follow the conversation.
 */
export class Live implements LiveEvents, BatchingListener {
  readonly #deps: LiveDeps
  readonly #stream: OrderedStream<MessageEntry>
  readonly #rooms: Rooms
  readonly #inboxes = new Map<UserId, Set<Inbox>>()
  #publish: (shard: number, entry: string) => void = () => {}
  /** What told of new conversations may have been lost: unlike messages they have no numbers to miss. */
  #mayLackConversations = false
  /** False while the bus is interrupted and only the log tells what other nodes sent. */
  isConnected = true

  constructor(deps: LiveDeps) {
    this.#deps = deps
    this.#stream = new OrderedStream<MessageEntry>({
      deliver: (_key, _seq, entry) => this.#deliver(entry),
      heal: (key, after) => this.#missed(key as ConversationId, after),
      onError: deps.onError,
    })
    this.#rooms = new Rooms(this.#stream)
  }

  /** Where entries are published; it hands this node's own back to `onEntry`. */
  connect(publish: (shard: number, entry: string) => void): void {
    this.#publish = publish
  }

  messageCreated(message: Message, memberVersion: number, origin: string | null): void {
    const { conversationId, seq } = message
    const messageJson = JSON.stringify(message)
    this.#send({ kind: 'message', conversationId, seq, memberVersion, origin, messageJson })
  }

  conversationCreated(conversationId: ConversationId, memberIds: readonly UserId[]): void {
    this.#send({ kind: 'created', conversationId, memberIds: [...memberIds] })
  }

  onEntry(_shard: number, text: string): void {
    const entry = decodeLiveEntry(text)
    if (!entry) return
    this.#deps.relay.wake(entry.conversationId)
    if (entry.kind === 'message') this.#rooms.accept(entry)
    else this.#created(entry.conversationId, entry.memberIds)
  }

  onGap(shard: number): void {
    this.#mayLackConversations = true
    for (const id of this.#rooms.ids()) if (shardOf(id) === shard) this.#stream.gap(id)
  }

  onInterrupted(): void {
    this.isConnected = false
  }

  onRestored(): void {
    this.isConnected = true
  }

  /** Conversations that somebody here follows, for the audit. */
  followed(): ConversationId[] {
    return this.#rooms.ids()
  }

  /** The audit: what the log says is the last seq. */
  observe(heads: ReadonlyMap<ConversationId, Seq>): void {
    for (const [id, seq] of heads) this.#stream.observe(id, seq)
  }

  /** Messages that only the log brought. */
  get healed(): number {
    return this.#stream.healed
  }

  stop(): void {
    this.#stream.stop()
  }

  /** From here on nothing of the conversation is missed: it is kept until `joined` says where it goes. */
  beginJoin(id: ConversationId): JoinBuffer {
    const room = this.#rooms.enter(id)
    const buffer: JoinBuffer = { entries: [] }
    room.joining.add(buffer)
    room.joined++
    return buffer
  }

  /** The join's reply will say `head`. */
  opened(id: ConversationId, head: Seq): void {
    this.#rooms.open(id, head)
  }

  /**
   * The reply is out; answers what came above `head` meanwhile. Where delivery here is behind it, `socket`
   * (the connection that joined the conversation's own topic) is passed over until it has caught up.
   */
  joined(id: ConversationId, buffer: JoinBuffer, head: Seq, socket: string | null): MessageEntry[] {
    const room = this.#rooms.get(id)
    room?.joining.delete(buffer)
    if (socket !== null && head > (this.#stream.headOf(id) ?? head)) {
      room?.ahead.set(socket, head)
      this.#stream.observe(id, head)
    }
    return buffer.entries.splice(0).filter((entry) => entry.seq > head)
  }

  left(id: ConversationId, buffer: JoinBuffer): void {
    const room = this.#rooms.get(id)
    if (!room) return
    room.joining.delete(buffer)
    room.joined--
    this.#rooms.leave(id, room)
  }

  openInbox(userId: UserId, inbox: Inbox): void {
    const inboxes = this.#inboxes.get(userId) ?? new Set()
    this.#inboxes.set(userId, inboxes.add(inbox))
  }

  /** The inbox follows these conversations, last seqs as given. */
  follow(inbox: Inbox, conversations: Iterable<{ id: ConversationId; seq: Seq }>): void {
    for (const { id, seq } of conversations) {
      this.#rooms.enter(id).inboxes.add(inbox.connection)
      inbox.rooms.add(id)
      this.#rooms.open(id, seq)
    }
  }

  closeInbox(userId: UserId, inbox: Inbox): void {
    const inboxes = this.#inboxes.get(userId)
    inboxes?.delete(inbox)
    if (inboxes?.size === 0) this.#inboxes.delete(userId)
    for (const id of inbox.rooms) {
      const room = this.#rooms.get(id)
      room?.inboxes.delete(inbox.connection)
      if (room) this.#rooms.leave(id, room)
    }
  }

  /** The inboxes to compare with their users' conversations, when the bus may have lost some; else none. */
  inboxesInDoubt(): Inbox[] {
    if (!this.#mayLackConversations) return []
    this.#mayLackConversations = false
    return [...this.#inboxes.values()].flatMap((inboxes) => [...inboxes])
  }

  /** Announces those of the user's conversations that the inbox does not follow yet. */
  compare(inbox: Inbox, ids: Iterable<ConversationId>): void {
    for (const id of ids) {
      if (!inbox.rooms.has(id) && inbox.connection.isOpen) inbox.conversationCreated(id, this.beginJoin(id))
    }
  }

  #send(entry: LiveEntry): void {
    this.#publish(shardOf(entry.conversationId), encodeLiveEntry(entry))
  }

  #deliver(entry: MessageEntry): void {
    const { conversationId, origin, messageJson } = entry
    const room = this.#rooms.get(conversationId)
    if (!room) return
    const topic = chatTopic(conversationId)
    const options = {
      ...(origin === null ? {} : { exceptConnectionId: origin }),
      ...skipping(room, entry.seq),
    }
    this.#deps.hub.broadcast(topic, 'message:new', messageJson, options)
    for (const buffer of room.joining) buffer.entries.push(entry)
    if (room.inboxes.size === 0) return
    const elsewhere = [...room.inboxes].filter((connection) => !connection.hasJoined(topic))
    const payload = `{"message":${messageJson}}`
    this.#deps.hub.toConnections(elsewhere, INBOX_TOPIC, 'inbox:message', payload, options)
  }

  #created(id: ConversationId, memberIds: readonly UserId[]): void {
    for (const userId of memberIds) {
      for (const inbox of this.#inboxes.get(userId) ?? []) {
        inbox.conversationCreated(id, this.beginJoin(id))
      }
    }
  }

  async #missed(id: ConversationId, after: Seq) {
    const messages = await this.#deps.history.following(id, after)
    return messages.map((message) => ({
      n: message.seq,
      entry: {
        kind: 'message' as const,
        conversationId: id,
        seq: message.seq,
        memberVersion: 0,
        origin: null,
        messageJson: JSON.stringify(message),
      },
    }))
  }
}

/** Sockets whose join's reply had this seq. */
function skipping(room: Room, seq: Seq): { except?: ReadonlySet<string> } {
  if (room.ahead.size === 0) return {}
  const except = new Set<string>()
  for (const [connectionId, head] of room.ahead) {
    if (head >= seq) except.add(connectionId)
    if (head <= seq) room.ahead.delete(connectionId)
  }
  return { except }
}
