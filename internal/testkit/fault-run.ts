import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { ConversationId } from '../domain/ids.ts'
import { messageOf } from '../domain/log-entry.ts'
import type { MessageArchive } from '../service/message/ports.ts'
import { ChatClient } from './chat-client.ts'
import { type ChatMessage, chatMessage } from './chat-room.ts'
import { Person } from './client.ts'
import { eventually } from './eventually.ts'
import { cleanUpAfterFile } from './services.ts'

export interface FaultRunOptions {
  urls: readonly string[]
  people: number
  /** Each with half of the people; and as many direct conversations. */
  groups: number
  sendsPerSecond: number
}

const TICK_MS = 20
const page = z.object({ items: z.array(chatMessage), hasAfter: z.boolean() })

/** People who chat at all nodes without a pause, and what must hold once they stop. */
export class FaultRun {
  readonly clients: ChatClient[] = []
  readonly conversations = new Map<string, number[]>()
  readonly #options: FaultRunOptions
  #sending: Promise<void> = Promise.resolve()
  #stopped = false
  #sent = 0

  constructor(options: FaultRunOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    cleanUpAfterFile(() => this.#stop())
    const { urls, people, groups } = this.#options
    const url = urls[0] ?? ''
    const everybody = await Promise.all(Array.from({ length: people }, () => Person.register(url)))
    const open = async (kind: 'direct' | 'group', places: number[]) => {
      const [creator, ...others] = places.flatMap((place) => everybody[place] ?? [])
      if (creator) this.conversations.set(await creator.open(url, kind, others), places)
    }
    for (let n = 0; n < groups; n++) {
      const half = everybody.map((_, place) => place).filter((place) => (place + n) % 2 === 0)
      await open('group', half)
      await open('direct', [n % people, (n + 1) % people])
    }
    for (const [place, person] of everybody.entries()) {
      const own = [...this.conversations].filter(([, places]) => places.includes(place)).map(([id]) => id)
      this.clients.push(new ChatClient(person, own, urls, place))
    }
    await eventually(() => {
      if (!this.clients.every(({ isOnline }) => isOnline)) throw new Error('not everybody is online')
    })
    this.#sending = this.#send()
  }

  async #stop(): Promise<void> {
    this.#stopped = true
    await this.#sending
    for (const client of this.clients) await client.stop()
  }

  async #send(): Promise<void> {
    const began = Date.now()
    while (!this.#stopped) {
      const due = ((Date.now() - began) / 1000) * this.#options.sendsPerSecond
      while (this.#sent < due) this.#sendOne()
      await sleep(TICK_MS)
    }
  }

  #sendOne(): void {
    const client = this.clients[this.#sent % this.clients.length]
    const ids = [...(client?.rooms.keys() ?? [])]
    const id = ids[Math.floor(this.#sent / this.clients.length) % ids.length]
    if (client && id) client.send(id, `number ${this.#sent}`)
    this.#sent++
  }

  /** Until everything that was ever sent is acknowledged, everybody is back and has all. */
  async settle(withinMs: number): Promise<void> {
    this.#stopped = true
    await this.#sending
    for (const client of this.clients) client.isAway = false
    await eventually(
      () => {
        const waiting = this.clients.reduce((sum, client) => sum + client.unacknowledged.length, 0)
        if (waiting > 0) throw new Error(`${waiting} of ${this.#sent} sends are not acknowledged`)
      },
      { withinMs },
    )
  }

  /** A conversation from its beginning, fetched anew by its first member. */
  async history(id: string): Promise<ChatMessage[]> {
    const person = this.clients[this.conversations.get(id)?.[0] ?? 0]?.person
    const messages: ChatMessage[] = []
    for (let hasAfter = true; hasAfter; ) {
      const path = `/conversations/${id}/messages?limit=100&after=${messages.at(-1)?.seq ?? 0}`
      const answer = await person?.call(this.#options.urls[0] ?? '', 'GET', path)
      const found = page.parse(answer?.body)
      messages.push(...found.items)
      hasAfter = found.hasAfter
    }
    return messages
  }

  /** Same messages in the same places, else what differs first. */
  async members(id: string, history: readonly ChatMessage[], withinMs: number): Promise<void> {
    for (const place of this.conversations.get(id) ?? []) {
      const room = this.clients[place]?.rooms.get(id)
      await eventually(
        () => {
          if (room?.seq !== history.length) {
            throw new Error(`${id}: ${place} has ${room?.seq} and ${room?.held} behind, of ${history.length}`)
          }
        },
        { withinMs },
      )
      const differs = history.findIndex(({ id }, index) => room?.messages[index]?.id !== id)
      if (differs >= 0) throw new Error(`${id}: ${place} has another message at ${differs + 1}`)
    }
  }

  async archived(id: string, history: readonly ChatMessage[], archive: MessageArchive): Promise<void> {
    for (let from = 1; from <= history.length; from += 200) {
      const entries = await archive.range(id as ConversationId, from, from + 199)
      const ids = entries.map((entry) => messageOf(entry).id).join()
      const expected = history.slice(from - 1, from + 199).map((message) => message.id)
      if (ids !== expected.join()) throw new Error(`the archive of ${id} differs after ${from}`)
    }
  }

  /** What was acknowledged and is not there once, under its seq; and what is there and nobody sent. */
  misplaced(histories: ReadonlyMap<string, readonly ChatMessage[]>): string[] {
    const sends = new Map(this.clients.flatMap(({ sends }) => sends.map((send) => [send.clientId, send])))
    const faults: string[] = []
    for (const [id, messages] of histories) {
      for (const [index, message] of messages.entries()) {
        if (message.seq !== index + 1) faults.push(`${id}: ${message.seq} is at ${index + 1}`)
        if (message.clientId === null) continue // the group's creation
        const send = sends.get(message.clientId)
        const isSame =
          send?.conversationId === id && send.content === message.content && send.message?.id === message.id
        if (!isSame) faults.push(`${id}: ${message.seq} was not sent so, or is there twice`)
        sends.delete(message.clientId)
      }
    }
    for (const { content, message } of sends.values()) if (message) faults.push(`${content} is not there`)
    return faults
  }

  get counts() {
    const sum = (of: (client: ChatClient) => number) =>
      this.clients.reduce((total, client) => total + of(client), 0)
    const rooms = (of: 'liveCount' | 'echoes') =>
      sum((client) => [...client.rooms.values()].reduce((total, room) => total + room[of], 0))
    return {
      sent: this.#sent,
      repeated: sum(({ repeats }) => repeats),
      connections: sum(({ connects }) => connects),
      live: rooms('liveCount'),
      echoes: rooms('echoes'),
      held: sum((client) => [...client.rooms.values()].reduce((total, room) => total + room.seq, 0)),
    }
  }
}
