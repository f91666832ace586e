import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Person } from './client.ts'
import { FrameSocket } from './frame-socket.ts'
import { caughtUp, Mirror } from './mirror.ts'

const RETRY_MS = 150
const synced = z.object({ conversations: z.array(caughtUp.extend({ id: z.string() })) })

/** Somebody who keeps one conversation up to date over a socket, whatever happens to it. */
export class MirroringClient {
  readonly person: Person
  readonly mirror = new Mirror()
  readonly #urls: readonly string[]
  readonly #conversationId: string
  #place: number
  #socket: FrameSocket | null = null
  #isJoined = false
  #stopped = false
  readonly #running: Promise<void>

  constructor(person: Person, conversationId: string, urls: readonly string[], place: number) {
    this.person = person
    this.#conversationId = conversationId
    this.#urls = urls
    this.#place = place
    this.#running = this.#run()
  }

  get isJoined(): boolean {
    return this.#isJoined
  }

  /** Breaks the connection without a word; it comes back at the next node. */
  drop(): void {
    this.#socket?.terminate()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#socket?.terminate()
    await this.#running
  }

  get #topic(): string {
    return `chat:${this.#conversationId}`
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const url = this.#urls[this.#place++ % this.#urls.length] ?? ''
      const socket = await FrameSocket.connect(url, this.person.token).catch(() => null)
      if (socket) await this.#session(socket, url)
      await sleep(RETRY_MS)
    }
  }

  async #session(socket: FrameSocket, url: string): Promise<void> {
    this.#socket = socket
    socket.onEvent = (topic, event, payload) => {
      if (topic !== this.#topic) return
      if (event === 'phx_close') this.#removed(socket, url)
      else if (event === 'phx_error') this.#join(socket, url)
      else this.mirror.live(event, payload)
    }
    this.#join(socket, url)
    await socket.closed
    this.#isJoined = false
  }

  #removed(socket: FrameSocket, url: string): void {
    this.#isJoined = false
    this.mirror.messages.clear()
    this.mirror.cursor = null
    setTimeout(() => this.#join(socket, url), RETRY_MS)
  }

  #join(socket: FrameSocket, url: string): void {
    socket.push(this.#topic, 'phx_join', this.mirror.cursor ?? {}, ({ status, response }) => {
      if (status !== 'ok') {
        this.#isJoined = false
        setTimeout(() => this.#join(socket, url), RETRY_MS)
        return
      }
      const answer = caughtUp.parse(response)
      this.mirror.catchUp(answer)
      this.#isJoined = true
      if (answer.more) void this.#pull(url)
    })
  }

  /** The rest, when it missed more than a join answers. */
  async #pull(url: string): Promise<void> {
    for (let more = true; more; ) {
      const cursors = { [this.#conversationId]: this.mirror.cursor }
      const { body } = await this.person.call(url, 'POST', '/sync', { cursors })
      const found = synced.parse(body).conversations.find(({ id }) => id === this.#conversationId)
      if (!found) return
      this.mirror.catchUp(found)
      more = found.more
    }
  }
}
