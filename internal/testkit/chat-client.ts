import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type ChatMessage, ChatRoom, chatMessage } from './chat-room.ts'
import type { Person } from './client.ts'
import { type Answered, FrameSocket } from './frame-socket.ts'

const joined = z.object({
  seq: z.int(),
  epoch: z.string(),
  messages: z.array(chatMessage),
  more: z.boolean(),
})
const page = z.object({ items: z.array(chatMessage), hasAfter: z.boolean() })
const sent = z.object({ message: chatMessage })
const refused = z.object({ code: z.string() })

export interface ChatSend {
  clientId: string
  conversationId: string
  content: string
  /** The first acknowledgement's. */
  message: ChatMessage | null
}

const RECONNECT_MS = 200
const RETRY_MS = 500
const PAGE = 100
/** What a server that lost a store, or is going down, may answer. */
const PASSING = new Set(['dependency_unavailable', 'overloaded'])

/**
 * A chat client as it should be: joins with its cursor, pulls what it missed, shows what comes in order of seq,
 * repeats sends that were not acknowledged under the same clientId, and comes back whatever happens.
 */
export class ChatClient {
  readonly person: Person
  readonly rooms: ReadonlyMap<string, ChatRoom>
  readonly sends: ChatSend[] = []
  /** Whatever a server that keeps its promises never does. */
  readonly faults: string[] = []
  connects = 0
  repeats = 0
  isAway = false
  readonly #urls: readonly string[]
  #place: number
  #socket: FrameSocket | null = null
  #stopped = false
  readonly #running: Promise<void>

  /** `urls` are the nodes; it starts with the one at `place` and takes the next whenever it lost one. */
  constructor(person: Person, conversationIds: readonly string[], urls: readonly string[], place: number) {
    this.person = person
    this.#urls = urls
    this.#place = place
    this.rooms = new Map(conversationIds.map((id) => [id, new ChatRoom(person.id, this.faults)]))
    this.#running = this.#run()
  }

  get isOnline(): boolean {
    return this.#socket !== null
  }

  get unacknowledged(): ChatSend[] {
    return this.sends.filter(({ message }) => message === null)
  }

  send(conversationId: string, content: string): void {
    const one: ChatSend = { clientId: randomUUID(), conversationId, content, message: null }
    this.sends.push(one)
    if (this.#socket) this.#push(this.#socket, one)
  }

  /** Breaks the connection without a word. Comes back at once unless `isAway`. */
  drop(): void {
    this.#socket?.terminate()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#socket?.terminate()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (!this.isAway) await this.#session()
      await sleep(RECONNECT_MS)
      this.#place++
    }
  }

  /** From one connection's beginning to its end. */
  async #session(): Promise<void> {
    const url = this.#urls[this.#place % this.#urls.length] ?? ''
    const socket = await FrameSocket.connect(url, this.person.token).catch(() => null)
    if (!socket) return
    this.connects++
    socket.onEvent = (topic, event, payload) => this.#live(socket, topic, event, payload)
    for (const room of this.rooms.values()) room.disconnected()
    for (const [id, room] of this.rooms) this.#join(socket, id, room)
    this.#socket = socket
    for (const one of this.unacknowledged) {
      this.repeats++
      this.#push(socket, one)
    }
    await socket.closed
    this.#socket = null
  }

  #join(socket: FrameSocket, id: string, room: ChatRoom): void {
    const cursor = room.epoch === null ? { seq: 0 } : { seq: room.seq, epoch: room.epoch }
    socket.push(`chat:${id}`, 'phx_join', cursor, (answer) => {
      if (answer.status !== 'ok') {
        this.#refused('join', answer)
        // As published clients do.
        setTimeout(() => this.#join(socket, id, room), RETRY_MS)
        return
      }
      room.joined(joined.parse(answer.response))
      this.#pull(socket, id, room)
    })
  }

  /** The rest of what it missed when that was more than a join answers. */
  #pull(socket: FrameSocket, id: string, room: ChatRoom): void {
    if (room.isPulling || !room.hasMore) return
    room.isPulling = true
    socket.push(`chat:${id}`, 'history', { after: room.seq, limit: PAGE }, (answer) => {
      room.isPulling = false
      if (answer.status === 'ok') {
        room.pulled(page.parse(answer.response))
        this.#pull(socket, id, room)
        return
      }
      this.#refused('history', answer)
      setTimeout(() => this.#pull(socket, id, room), RETRY_MS)
    })
  }

  #live(socket: FrameSocket, topic: string, event: string, payload: unknown): void {
    const id = topic.slice('chat:'.length)
    const room = this.rooms.get(id)
    if (!room) return
    if (event === 'message:new') room.live(chatMessage.parse(payload))
    // The channel was given up (too slow, or it crashed): back with the cursor.
    else if (event === 'phx_error') {
      room.disconnected()
      this.#join(socket, id, room)
    }
  }

  #push(socket: FrameSocket, one: ChatSend): void {
    const { clientId, conversationId, content } = one
    const payload = { clientId, type: 'text', content }
    socket.push(`chat:${conversationId}`, 'message:send', payload, (answer) => {
      if (answer.status === 'ok') {
        this.#acknowledged(one, sent.parse(answer.response).message)
        return
      }
      this.#refused('send', answer)
      setTimeout(() => {
        this.repeats++
        if (socket === this.#socket) this.#push(socket, one)
      }, RETRY_MS)
    })
  }

  #acknowledged(one: ChatSend, message: ChatMessage): void {
    if (one.message && one.message.id !== message.id) {
      this.faults.push(`${one.clientId} is both ${one.message.id} and ${message.id}`)
    }
    one.message = message
    this.rooms.get(one.conversationId)?.own(message)
  }

  #refused(what: string, { response }: Answered): void {
    const { code } = refused.parse(response)
    // A push to a topic whose join failed is told so.
    const isUnjoined = JSON.stringify(response).includes('unmatched')
    if (!PASSING.has(code) && !isUnjoined) this.faults.push(`${what}: ${JSON.stringify(response)}`)
  }
}
