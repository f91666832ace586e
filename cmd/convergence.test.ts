import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { z } from 'zod'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { type Mirrored, mirrored } from '../internal/testkit/mirror.ts'
import { MirroringClient } from '../internal/testkit/mirroring-client.ts'
import { type Proxy as StoreProxy, startProxy } from '../internal/testkit/proxy.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'

const START_MS = 60_000
const RUN_MS = 90_000
const ACTS = 250

const page = z.object({ items: z.array(mirrored), hasAfter: z.boolean() })
const sent = z.object({ message: z.object({ id: z.string() }) })
const member = z.object({ joinedSeq: z.int(), readSeq: z.int(), unread: z.int(), mentions: z.int() })

let urls: string[]
let bus: StoreProxy

beforeAll(async () => {
  const env = await clusterEnvironment()
  const redis = new URL(env['REDIS_URL'] ?? '')
  bus = await startProxy({ host: redis.hostname, port: Number(redis.port) })
  cleanUpAfterFile(() => bus.close())
  redis.host = `127.0.0.1:${bus.port}`
  const nodes = [0, 1].map(() => new Binary('api', { ...env, REDIS_URL: redis.href }))
  urls = (await Promise.all(nodes.map((node) => node.ready()))).map((port) => `http://127.0.0.1:${port}`)
}, START_MS)

type Act =
  | { do: 'send' | 'quote' | 'reply' | 'mention'; by: number; at: number }
  | { do: 'edit' | 'delete' | 'hide' | 'react' | 'unreact' | 'pin' | 'unpin'; by: number; at: number }
  | { do: 'read' | 'drop' | 'remove' | 'add' | 'cut'; by: number; at: number }

const KINDS: readonly (readonly [Act['do'], number])[] = [
  ['send', 8],
  ['quote', 3],
  ['reply', 3],
  ['mention', 3],
  ['edit', 4],
  ['delete', 2],
  ['hide', 1],
  ['react', 6],
  ['unreact', 3],
  ['pin', 1],
  ['unpin', 1],
  ['read', 4],
  ['drop', 2],
  ['remove', 1],
  ['add', 2],
  ['cut', 1],
]

/** Everything that people and networks do, in some order. */
function draw(seed: number, people: number): Act[] {
  const kind = fc.oneof(...KINDS.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))
  const act = fc.record({ do: kind, by: fc.nat(people - 1), at: fc.nat(1_000_000) })
  return fc.sample(act, { seed, numRuns: ACTS }) as Act[]
}

class Run {
  readonly people: Person[]
  readonly clients: MirroringClient[]
  readonly id: string
  readonly messageIds: string[] = []
  readonly replies = new Set<string>()

  constructor(people: Person[], id: string) {
    this.people = people
    this.id = id
    this.clients = people.map((person, place) => new MirroringClient(person, id, urls, place))
  }

  async act({ do: what, by, at }: Act): Promise<void> {
    const person = this.people[by]
    const owner = this.people[0]
    if (!person || !owner) return
    const url = urls[at % urls.length] ?? ''
    const target = this.messageIds[at % Math.max(1, this.messageIds.length)]
    const messages = `/conversations/${this.id}/messages`
    const one = `${messages}/${target}`
    const call = (method: string, path: string, body?: unknown) => person.call(url, method, path, body)
    const send = async (body: object) => {
      const answer = await call('POST', messages, { content: `number ${at}`, ...body })
      if (answer.status !== 201) return
      const { id } = sent.parse(answer.body).message
      this.messageIds.push(id)
      if ('threadRootId' in body) this.replies.add(id)
    }
    const emoji = encodeURIComponent(['👍', '❤️', '🎉'][at % 3] ?? '')
    const acts: Record<Act['do'], () => Promise<unknown>> = {
      send: () => send({}),
      quote: () => send({ replyTo: target }),
      reply: () => send({ threadRootId: target }),
      mention: () => send({ mentions: [this.people[at % this.people.length]?.id] }),
      edit: () => call('PATCH', one, { content: `edited ${at}` }),
      delete: () => call('DELETE', `${one}?scope=everyone`),
      // Not replies: how many a thread has is told as a number, which counts those that one has hidden.
      hide: async () => {
        if (by > 0 && target && !this.replies.has(target)) await call('DELETE', `${one}?scope=me`)
      },
      react: () => call('PUT', `${one}/reactions/${emoji}`),
      unreact: () => call('DELETE', `${one}/reactions/${emoji}`),
      pin: () => call('PUT', `${one}/pin`),
      unpin: () => call('DELETE', `${one}/pin`),
      read: () => call('POST', `/conversations/${this.id}/read`, { seq: at % (this.messageIds.length + 2) }),
      drop: async () => this.clients[by]?.drop(),
      // The owner stays: theirs is the view that the others' counters are compared with.
      remove: async () => {
        if (by > 2) await owner.call(url, 'DELETE', `/conversations/${this.id}/members/${person.id}`)
      },
      add: () => owner.call(url, 'POST', `/conversations/${this.id}/members`, { userIds: [person.id] }),
      cut: async () => bus.cut(),
    }
    await acts[what]()
  }
}

async function everything(person: Person, id: string): Promise<Mirrored[]> {
  const items: Mirrored[] = []
  for (let more = true; more; ) {
    const after = items.at(-1)?.seq ?? 0
    const path = `/conversations/${id}/messages?after=${after}&limit=100`
    const found = page.parse((await person.call(urls[0] ?? '', 'GET', path)).body)
    items.push(...found.items)
    more = found.hasAfter && found.items.length > 0
  }
  return items
}

/** A quote of a message that one has not got (hidden, or said before one came) is as it was when it was read. */
function withoutUnknownQuotes(messages: readonly Mirrored[]): Mirrored[] {
  const known = new Set(messages.map(({ seq }) => seq))
  return messages.map((message) => {
    const { replyTo } = message
    return replyTo && !known.has(replyTo.seq) ? { ...message, replyTo: { ...replyTo, excerpt: '' } } : message
  })
}

/** Order of reactions and of who reacted is the log's; a client that came late was told the result only. */
function comparable(messages: readonly Mirrored[]): unknown[] {
  return withoutUnknownQuotes(messages).map(({ reactions, ...rest }) => ({
    ...rest,
    reactions: reactions
      .map(({ emoji, count, userIds }) => ({ emoji, count, userIds: userIds.toSorted() }))
      .toSorted((a, b) => a.emoji.localeCompare(b.emoji)),
  }))
}

describe('whatever people do at two nodes, and whatever breaks meanwhile', () => {
  it(
    'leaves every client with what it would fetch anew, and every counter as defined',
    async () => {
      const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
      process.stderr.write(`convergence: SEED=${seed}\n`)
      const people = await Promise.all(Array.from({ length: 5 }, () => Person.register(urls[0] ?? '')))
      const [owner, ...others] = people
      if (!owner) throw new Error('an owner')
      const run = new Run(people, await owner.open(urls[0] ?? '', 'group', others))
      cleanUpAfterFile(async () => {
        for (const client of run.clients) await client.stop()
      })
      await eventually(() => expect(run.clients.every(({ isJoined }) => isJoined)).toBe(true))
      const acts = draw(seed, people.length)
      const lanes = [0, 1, 2].map((lane) => acts.filter((_, place) => place % 3 === lane))
      await Promise.all(
        lanes.map(async (lane) => {
          for (const act of lane) await run.act(act)
        }),
      )
      for (const person of others) {
        await owner.call(urls[0] ?? '', 'POST', `/conversations/${run.id}/members`, { userIds: [person.id] })
      }
      await eventually(() => expect(run.clients.every(({ isJoined }) => isJoined)).toBe(true))
      const all = await everything(owner, run.id)
      expect(all.map(({ seq }) => seq)).toEqual(all.map((_, place) => place + 1))
      for (const { person, mirror } of run.clients) {
        await eventually(async () => {
          expect(comparable(mirror.all())).toEqual(comparable(await everything(person, run.id)))
        })
        await expectCounters(person, run.id, all)
      }
    },
    RUN_MS,
  )
})

async function expectCounters(person: Person, id: string, all: readonly Mirrored[]): Promise<void> {
  const { body } = await person.call(urls[0] ?? '', 'GET', `/conversations/${id}`)
  const { joinedSeq, readSeq, unread, mentions } = member.parse(body)
  const above = all.filter(({ seq, type }) => seq > readSeq && type !== 'system')
  const calls = above.filter(
    ({ senderId, mentions: named }) => senderId !== person.id && named.userIds.includes(person.id),
  )
  expect({ unread, mentions }).toEqual({ unread: above.length, mentions: calls.length })
  const seen = await everything(person, id)
  expect(seen.every(({ seq }) => seq > joinedSeq)).toBe(true)
}
