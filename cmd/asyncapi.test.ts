import { beforeAll, expect, it } from '@jest/globals'
import { z } from 'zod'
import { zodOf } from '../internal/api/json-schema.ts'
import { chatDocument } from '../internal/api/ws/chat-document.ts'
import { inboxDocument } from '../internal/api/ws/inbox-document.ts'
import type { TopicDocument } from '../internal/realtime/index.ts'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import type { SocketClient } from '../internal/testkit/socket-client.ts'

let url: string

beforeAll(async () => {
  url = `http://127.0.0.1:${await new Binary('api', await clusterEnvironment()).ready()}`
}, 60_000)

const PROTOCOL = new Set(['phx_reply', 'phx_close', 'phx_error'])

/** What does not answer to its schema, or has more than its schema says. */
function faultOf(schema: unknown, payload: unknown, what: string): string[] {
  const parsed = zodOf(schema).safeParse(payload)
  if (!parsed.success) return [`${what}: ${z.prettifyError(parsed.error)}`]
  const undeclared = JSON.stringify(parsed.data) !== JSON.stringify(payload)
  // Keys come out in the schema's order; what was stripped is what counts.
  return undeclared && sorted(parsed.data) !== sorted(payload) ? [`${what} has more: ${sorted(payload)}`] : []
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

/** A socket on one topic whose replies and events are held against what is declared of them. */
class Checked {
  readonly faults: string[] = []
  /** Pushes and events that there were. */
  readonly shown = new Set<string>()
  readonly #socket: SocketClient
  readonly #topic: string
  readonly #document: TopicDocument

  constructor(socket: SocketClient, topic: string, document: TopicDocument) {
    this.#socket = socket
    this.#topic = topic
    this.#document = document
  }

  async join(): Promise<void> {
    const response = await this.#socket.join(this.#topic, {})
    this.faults.push(...faultOf(this.#document.join.reply, response, 'join'))
  }

  async push(event: string, payload: object): Promise<Record<string, unknown>> {
    const response = await this.#socket.push(this.#topic, event, payload)
    this.shown.add(event)
    this.faults.push(...faultOf(this.#document.pushes[event]?.reply, response, event))
    return response
  }

  /** The named events have come; everything that came is as declared. */
  async heard(events: readonly string[]): Promise<void> {
    for (const event of events) {
      await this.#socket.find((frame) => frame.topic === this.#topic && frame.event === event, event)
    }
    for (const { topic, event, payload } of this.#socket.frames) {
      if (topic !== this.#topic || PROTOCOL.has(event)) continue
      this.shown.add(event)
      const declared = this.#document.sends[event]
      if (declared) this.faults.push(...faultOf(declared.payload, payload, event))
      else this.faults.push(`${event} is not declared`)
    }
    expect(this.faults).toEqual([])
  }
}

const message = z.object({ message: z.object({ id: z.string() }) })

it('a chat, whose frames are as the document declares them', async () => {
  const [ann, bob, cat, dan] = await Promise.all([1, 2, 3, 4].map(() => Person.register(url)))
  if (!ann || !bob || !cat || !dan) throw new Error('unreachable')
  const id = await ann.open(url, 'group', [bob, dan])
  const topic = `chat:${id}`
  const [annsSocket, bobsSocket, inboxSocket, catsSocket] = await Promise.all(
    [ann, bob, bob, cat].map((person) => person.connect(url)),
  )
  if (!annsSocket || !bobsSocket || !inboxSocket || !catsSocket) throw new Error('unreachable')
  const anns = new Checked(annsSocket, topic, chatDocument)
  const bobs = new Checked(bobsSocket, topic, chatDocument)
  const inbox = new Checked(inboxSocket, 'user:inbox', inboxDocument)
  const cats = new Checked(catsSocket, 'user:inbox', inboxDocument)
  for (const one of [anns, bobs, inbox, cats]) await one.join()

  const send = async (content: string, further: object = {}) => {
    const response = await anns.push('message:send', { content, ...further })
    return message.parse(response).message.id
  }
  const first = await send('first')
  const second = await send('second', { replyTo: first, mentions: [bob.id] })
  await anns.push('message:edit', { messageId: first, content: 'edited' })
  await anns.push('message:reaction:add', { messageId: first, emoji: '👍' })
  await anns.push('history', {})
  await anns.push('changes', { after: 0 })
  await anns.push('message:reaction:remove', { messageId: first, emoji: '👍' })
  const path = `/conversations/${id}`
  const rest = async (person: Person, method: string, below: string, body?: unknown) => {
    const { status } = await person.call(url, method, below, body)
    expect([method, below, status < 300]).toEqual([method, below, true])
  }
  await rest(ann, 'PUT', `${path}/messages/${first}/pin`)
  await rest(ann, 'DELETE', `${path}/messages/${first}/pin`)
  await anns.push('message:delete', { messageId: second, scope: 'everyone' })
  await anns.push('typing:start', {})
  await anns.push('typing:stop', {})
  await anns.push('message:delivered', { seq: 1 })
  await bobs.push('message:delivered', { seq: 1 })
  await bobs.push('message:read', { seq: 1 })
  await rest(ann, 'POST', `${path}/messages`, { content: 'read elsewhere' })
  await anns.push('message:read', { seq: 3 })
  await inbox.push('sync', { cursors: {} })
  await rest(ann, 'PATCH', path, { name: 'Another name' })
  await rest(ann, 'POST', `${path}/members`, { userIds: [cat.id] })
  await rest(ann, 'PATCH', `${path}/members/${cat.id}`, { role: 'moderator' })
  await rest(ann, 'DELETE', `${path}/members/${cat.id}`)
  await rest(bob, 'PUT', '/notifications/settings', { emailDelay: 1200 })

  // Comes and goes, seen by ann, who shares the conversation.
  const dansSocket = await dan.connect(url)
  const dans = new Checked(dansSocket, topic, chatDocument)
  await dans.join()
  await anns.heard(['presence_diff', 'user:online'])
  await dansSocket.close()
  await anns.heard(['user:offline', 'receipt'])

  await bobs.heard([
    ...['presence_state', 'message:new', 'message:edited', 'message:reaction:added'],
    ...['message:reaction:removed', 'message:pinned', 'message:unpinned', 'message:deleted'],
    ...['conversation:updated', 'member:joined', 'member:updated', 'member:left'],
    ...['typing:start', 'typing:stop'],
  ])
  await inbox.heard(['inbox:message', 'inbox:changed', 'inbox:read', 'conversation:updated'])
  await inbox.heard(['settings:updated'])
  await cats.heard(['conversation:new', 'conversation:removed'])
  // Whoever declares a further event or push shows it here. The count needs a group of over 200.
  const shown = (seen: readonly Checked[]) => seen.flatMap((one) => [...one.shown])
  expect(missing(chatDocument, shown([anns, bobs]))).toEqual(['presence:count'])
  expect(missing(inboxDocument, shown([inbox, cats]))).toEqual([])
})

/** What is declared and was not seen. */
function missing({ pushes, sends }: TopicDocument, shown: readonly string[]): string[] {
  return [...Object.keys(pushes), ...Object.keys(sends)].filter((name) => !shown.includes(name))
}

it('is served', async () => {
  const response = await fetch(`${url}/asyncapi.json`)
  expect(response.headers.get('content-type')).toContain('application/json')
  const { asyncapi, channels } = z.looseObject({ channels: z.looseObject({}) }).parse(await response.json())
  expect([asyncapi, Object.keys(channels)]).toEqual(['3.0.0', ['chat', 'inbox', 'phoenix']])
  const page = await (await fetch(`${url}/docs`)).text()
  expect(page).toContain('href="/asyncapi.json"')
})
