import { randomBytes } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type ApiUnderAttack, exchange, startApiUnderAttack } from '../internal/testkit/api-under-attack.ts'
import { Person } from '../internal/testkit/client.ts'
import type { SocketClient } from '../internal/testkit/socket-client.ts'

let api: ApiUnderAttack
let ann: Person
let eve: Person
let conversation: string
let topic: string

beforeAll(async () => {
  api = await startApiUnderAttack()
  ann = await Person.register(api.url)
  eve = await Person.register(api.url)
  conversation = await ann.open(api.url, 'direct', [await Person.register(api.url)])
  topic = `chat:${conversation}`
}, 60_000)
afterEach(() => api.mustBeWell())

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const KIB_128 = 128 * 1024
/** A heartbeat of exactly so many bytes. */
const heartbeat = (bytes: number) => {
  const frame = (padding: string) => `[null,"b","phoenix","heartbeat",{"padding":"${padding}"}]`
  return frame('a'.repeat(bytes - frame('').length))
}

/** The code it is closed with for what was sent. */
async function closedFor(bytes: string | Buffer, options: { binary?: boolean } = {}): Promise<number> {
  const client = await ann.connect(api.url)
  client.socket.send(bytes, { binary: false, ...options })
  return (await client.closed).code
}

/** The status of a reply to a push, or its refusal's code. */
async function answer(client: SocketClient, on: string, event: string, payload: object): Promise<unknown> {
  const { status, response } = await client.reply(on, client.send(on, event, payload))
  return status === 'ok' ? 'ok' : response['code']
}

describe('frames that are not the protocol', () => {
  it.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['an object', '{"topic":"phoenix"}'],
    ['four elements', '[null,"1","phoenix","heartbeat"]'],
    ['a payload that is a list', '[null,"1","phoenix","heartbeat",[]]'],
    ['a topic that is a number', '[null,"1",7,"heartbeat",{}]'],
    ['a topic of 600 characters', `[null,"1","${'a'.repeat(600)}","phx_join",{}]`],
    ['a ref of 1,000 characters', `[null,"${'a'.repeat(1000)}","phoenix","heartbeat",{}]`],
    ['a ref 50,000 lists deep', `[null,${nested(50_000)},"phoenix","heartbeat",{}]`],
    ['a payload 50,000 lists deep', `[null,"1","phoenix","heartbeat",{"a":${nested(50_000)}}]`],
    ['a ref to be read again in a deep frame', `[null,1e400,"phoenix","heartbeat",{"a":${nested(50_000)}}]`],
  ])('close the socket with 4400: %s', async (_what, text) => {
    expect(await closedFor(text)).toBe(4400)
  })

  it('close it with 4400 when binary', async () => {
    expect(await closedFor(randomBytes(100), { binary: true })).toBe(4400)
    expect(await closedFor(Buffer.from(heartbeat(100)), { binary: true })).toBe(4400)
  })

  it('close it with 1009 when over 128 KiB, by a byte too, and are answered up to there', async () => {
    expect(await closedFor(heartbeat(KIB_128 + 1))).toBe(1009)
    expect(await closedFor(heartbeat(10 * KIB_128))).toBe(1009)
    const client = await ann.connect(api.url)
    client.socket.send(heartbeat(KIB_128))
    await client.find(({ ref }) => ref === 'b', 'the reply to a heartbeat of 128 KiB')
    await client.close()
  })

  it('close it with 1007 when not UTF-8', async () => {
    expect(await closedFor(Buffer.from([0x5b, 0xff, 0xfe, 0x5d]))).toBe(1007)
    expect(await closedFor(Buffer.from([0xed, 0xa0, 0x80]))).toBe(1007)
  })

  it('of random bytes close it, whatever they are', async () => {
    for (let round = 0; round < 50; round++) {
      expect([1007, 4400]).toContain(await closedFor(randomBytes(1 + round * 40)))
    }
  })

  it('of raw bytes where frames should be end the connection as well', async () => {
    const query = new URLSearchParams({ vsn: '2.0.0', token: ann.token })
    const upgrade = [
      `GET /socket/websocket?${query} HTTP/1.1`,
      ...['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ].join('\r\n')
    for (let round = 0; round < 20; round++) {
      const answered = await exchange(api.url, upgrade, randomBytes(200))
      expect(answered).toMatch(/^HTTP\/1\.1 101 /)
    }
  })
})

describe('topics and events', () => {
  it("refuse others' conversations as if they did not exist", async () => {
    const socket = await eve.connect(api.url)
    const nobodys = 'chat:00000000-0000-7000-8000-000000000000'
    const [theirs, none] = [
      await socket.reply(topic, socket.send(topic, 'phx_join', {})),
      await socket.reply(nobodys, socket.send(nobodys, 'phx_join', {})),
    ]
    expect(theirs).toMatchObject({ status: 'error', response: { code: 'not_found' } })
    expect(theirs).toEqual(none)
    // Nor does a push without a join reach it.
    for (const event of ['message:send', 'history']) {
      expect(await answer(socket, topic, event, { content: 'hello' })).toBe('not_found')
    }
    expect(await ann.call(api.url, 'GET', `/conversations/${conversation}/messages`)).toMatchObject({
      body: { items: expect.not.arrayContaining([expect.objectContaining({ content: 'hello' })]) },
    })
    await socket.close()
  })

  it.each([
    'chat:',
    'chat:*',
    "chat:' or 1=1 --",
    'chat:\u0000',
    'chat:../x',
    'user:inbox ',
    'user:someone',
    'phoenix:x',
    '__proto__',
    'constructor',
    '',
  ])('do not include %j', async (name) => {
    const socket = await ann.connect(api.url)
    expect(await answer(socket, name, 'phx_join', {})).toBe('not_found')
    await socket.close()
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'message:', 'phx_reply', ''])(
    'have no event %j',
    async (event) => {
      const socket = await ann.connect(api.url)
      await socket.join(topic)
      expect(await answer(socket, topic, event, {})).toBe('not_found')
      await socket.close()
    },
  )

  it('refuse every payload that is not theirs, naming the field', async () => {
    const socket = await ann.connect(api.url)
    await socket.join(topic)
    const wrong: [string, object, string][] = [
      ['message:send', {}, 'content'],
      ['message:send', { content: '' }, 'content'],
      ['message:send', { content: ' \n' }, 'content'],
      ['message:send', { content: 'a\u0000' }, 'content'],
      ['message:send', { content: '\ud800' }, 'content'],
      ['message:send', { content: 'a'.repeat(8001) }, 'content'],
      ['message:send', { content: 'x', type: 'system' }, 'type'],
      ['message:send', { content: 'x', clientId: "'; drop table" }, 'clientId'],
      ['message:send', { content: 'x', replyTo: '\u0000' }, 'replyTo'],
      ['message:send', { content: 'x', conversationId: eve.id }, 'conversationId'],
      ['message:send', { content: 'x', senderId: eve.id }, ''],
      ['history', { limit: 101 }, 'limit'],
      ['history', { limit: '1' }, 'limit'],
      ['history', { before: 1e300 }, 'before'],
      ['history', { before: 1, after: 1 }, 'before'],
    ]
    for (const [event, payload, path] of wrong) {
      const { response } = await socket.reply(topic, socket.send(topic, event, payload))
      expect([event, payload, response]).toEqual([
        event,
        payload,
        expect.objectContaining({
          reason: 'validation_failed',
          code: 'validation_failed',
          errors: [expect.objectContaining({ path })],
        }),
      ])
    }
    for (const cursor of [
      { seq: -1 },
      { seq: 'x' },
      { seq: 1e300 },
      { epoch: 'e'.repeat(101) },
      { rev: {} },
    ]) {
      expect([cursor, await answer(socket, topic, 'phx_join', cursor)]).toEqual([cursor, 'validation_failed'])
    }
    await socket.close()
  })

  it('answer every frame, whatever its topic, event and payload', async () => {
    const socket = await ann.connect(api.url)
    const names = fc.oneof(
      fc.constantFrom(topic, 'user:inbox', 'phoenix', 'chat:x'),
      fc.string({ unit: 'binary', maxLength: 50 }),
    )
    const events = fc.oneof(
      fc.constantFrom('phx_join', 'phx_leave', 'message:send', 'history', 'heartbeat', 'phx_close'),
      fc.string({ maxLength: 50 }),
    )
    const payloads = fc.dictionary(
      fc.oneof(fc.constantFrom('content', 'seq', 'epoch', 'before', 'limit', 'clientId'), fc.string()),
      fc.jsonValue(),
    )
    await fc.assert(
      fc.asyncProperty(names, events, payloads, async (name, event, payload) => {
        const ref = socket.send(name, event, payload, { joinRef: null })
        const reply = await socket.find((frame) => frame.ref === ref, `an answer to ${name} ${event}`)
        expect(['ok', 'error']).toContain(reply.payload['status'])
      }),
      { numRuns: 300, seed: 7 },
    )
    await socket.close()
  })
})
