import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { SocketClient } from '../testkit/socket-client.ts'
import { startToy, type Toy } from '../testkit/toy-realtime.ts'

let toy: Toy

beforeAll(async () => {
  toy = await startToy({ allowScope: () => false })
})
afterAll(() => toy.stop())

const BARRIER = 'barrier'

/** What was received, in the words of PHOENIX.md: V2 arrays. */
function seen(client: SocketClient): unknown[][] {
  return client.frames
    .filter(({ ref }) => ref !== BARRIER)
    .map(({ joinRef, ref, topic, event, payload }) => [joinRef, ref, topic, event, payload])
}

/** Everything sent before this has been looked at, and what could be answered at once has been. */
async function settled(client: SocketClient): Promise<void> {
  const before = client.frames.length
  client.send('phoenix', 'heartbeat', {}, { joinRef: null, ref: BARRIER })
  await eventually(() => expect(client.frames.slice(before).some(({ ref }) => ref === BARRIER)).toBe(true))
}

const ok = (response: object = {}) => ({ status: 'ok', response })
const error = (response: object) => ({ status: 'error', response: expect.objectContaining(response) })

interface Row {
  name: string
  /** [joinRef, ref, topic, event, payload] or a function between two sends. */
  send: (unknown[] | ((client: SocketClient) => unknown))[]
  expect: unknown[][]
}

const T = 'room:a'
/** Answered before what follows is sent. */
const joined = [['1', '1', T, 'phx_join', {}], settled]
const joinedReply = ['1', '1', T, 'phx_reply', ok({ room: 'a', early: false })]

const rows: Row[] = [
  { name: 'join accepted', send: joined, expect: [joinedReply] },
  {
    name: 'join accepted, what follows it follows it directly',
    send: [['1', '1', T, 'phx_join', { greet: true }]],
    expect: [joinedReply, ['1', null, T, 'hello', { room: 'a' }]],
  },
  {
    name: 'join refused',
    send: [['1', '2', T, 'phx_join', { refuse: true }]],
    expect: [
      ['1', '2', T, 'phx_reply', error({ reason: 'forbidden', code: 'forbidden', retryAfterMs: 1500 })],
    ],
  },
  {
    name: 'a bug in join refuses it without a word of it',
    send: [
      ['1', '2', T, 'phx_join', { crash: true }],
      ['1', '3', T, 'echo', {}],
    ],
    expect: [
      [
        '1',
        '2',
        T,
        'phx_reply',
        error({ reason: 'internal', code: 'internal', message: 'The join failed; try again.' }),
      ],
      [null, '3', T, 'phx_reply', error({ reason: 'unmatched topic', code: 'not_found' })],
    ],
  },
  {
    name: 'join of a topic already joined: the new reply, then the old close',
    send: [...joined, ['9', '9', T, 'phx_join', { greet: true }]],
    expect: [
      joinedReply,
      ['9', '9', T, 'phx_reply', ok({ room: 'a', early: false })],
      ['1', '1', T, 'phx_close', {}],
      ['9', null, T, 'hello', { room: 'a' }],
    ],
  },
  {
    name: 'join of a topic already joined, refused: the old channel ends all the same',
    send: [...joined, ['9', '9', T, 'phx_join', { refuse: true }], [null, '10', T, 'echo', {}]],
    expect: [
      joinedReply,
      ['9', '9', T, 'phx_reply', error({ code: 'forbidden' })],
      ['1', '1', T, 'phx_close', {}],
      [null, '10', T, 'phx_reply', error({ reason: 'unmatched topic' })],
    ],
  },
  {
    name: 'leave: ok reply, then close',
    send: [...joined, ['1', '2', T, 'phx_leave', {}], ['1', '3', T, 'echo', {}]],
    expect: [
      joinedReply,
      ['1', '2', T, 'phx_reply', ok()],
      ['1', '1', T, 'phx_close', {}],
      [null, '3', T, 'phx_reply', error({ reason: 'unmatched topic' })],
    ],
  },
  {
    name: 'leave of a topic not joined: ok reply only',
    send: [['4', '5', T, 'phx_leave', {}]],
    expect: [['4', '5', T, 'phx_reply', ok()]],
  },
  {
    name: 'a leave that overtakes its join cancels it',
    send: [
      ['1', '1', T, 'phx_join', { wait: 'overtaken' }],
      ['1', '2', T, 'phx_leave', {}],
      () => toy.release('overtaken'),
    ],
    expect: [
      ['1', '2', T, 'phx_reply', ok()],
      ['1', '1', T, 'phx_close', {}],
    ],
  },
  {
    name: 'a leave waits for the answers of what was pushed before it',
    send: [
      ...joined,
      ['1', '2', T, 'count', { wait: 'before-leave' }],
      ['1', '3', T, 'phx_leave', {}],
      settled,
      () => toy.release('before-leave'),
    ],
    expect: [
      joinedReply,
      ['1', '2', T, 'phx_reply', ok({ n: 1 })],
      ['1', '3', T, 'phx_reply', ok()],
      ['1', '1', T, 'phx_close', {}],
    ],
  },
  {
    name: 'push with a joinRef neither null nor current is ignored',
    send: [
      ...joined,
      ['0', '2', T, 'echo', { n: 1 }],
      [null, '3', T, 'echo', { n: 2 }],
      ['1', '4', T, 'echo', { n: 3 }],
    ],
    expect: [joinedReply, ['1', '3', T, 'phx_reply', ok({ n: 2 })], ['1', '4', T, 'phx_reply', ok({ n: 3 })]],
  },
  {
    name: 'a stale leave is ignored',
    send: [...joined, ['0', '2', T, 'phx_leave', {}], ['1', '3', T, 'echo', {}]],
    expect: [joinedReply, ['1', '3', T, 'phx_reply', ok()]],
  },
  {
    name: 'unknown topic',
    send: [['1', '1', 'nowhere:1', 'phx_join', {}]],
    expect: [
      [
        null,
        '1',
        'nowhere:1',
        'phx_reply',
        error({ reason: 'unmatched topic', code: 'not_found', message: expect.any(String) }),
      ],
    ],
  },
  {
    name: 'push to a topic not joined',
    send: [['1', '7', T, 'echo', {}]],
    expect: [[null, '7', T, 'phx_reply', error({ reason: 'unmatched topic', code: 'not_found' })]],
  },
  ...['nonsense', 'phx_reply', 'phx_close', 'toString', '__proto__', 'constructor'].map((event) => ({
    name: `unknown event ${event}`,
    send: [...joined, ['1', '2', T, event, {}]],
    expect: [joinedReply, ['1', '2', T, 'phx_reply', error({ reason: 'not_found', code: 'not_found' })]],
  })),
  {
    name: 'a payload that the schema refuses',
    send: [...joined, ['1', '2', T, 'number', { n: 'x' }], ['1', '3', T, 'number', { n: 21 }]],
    expect: [
      joinedReply,
      [
        '1',
        '2',
        T,
        'phx_reply',
        error({ code: 'validation_failed', errors: [{ path: 'n', message: 'must be a number' }] }),
      ],
      ['1', '3', T, 'phx_reply', ok({ doubled: 42 })],
    ],
  },
  {
    name: 'an event whose scope the actor lacks',
    send: [...joined, ['1', '2', T, 'scoped', {}]],
    expect: [joinedReply, ['1', '2', T, 'phx_reply', error({ code: 'forbidden' })]],
  },
  {
    name: 'handler crashed: the channel ends, the socket and its other channels live',
    send: [
      ...joined,
      ['2', '2', 'room:b', 'phx_join', {}],
      ['1', '3', T, 'crash', {}],
      settled,
      ['1', '4', T, 'echo', {}],
      ['2', '5', 'room:b', 'echo', { still: 'here' }],
    ],
    expect: [
      joinedReply,
      ['2', '2', 'room:b', 'phx_reply', ok({ room: 'b', early: false })],
      ['1', '1', T, 'phx_error', { reason: 'channel_crash' }],
      [null, '4', T, 'phx_reply', error({ reason: 'unmatched topic' })],
      ['2', '5', 'room:b', 'phx_reply', ok({ still: 'here' })],
    ],
  },
  {
    name: 'a bug after the join reply is a crash',
    send: [['1', '1', T, 'phx_join', { crashAfter: true }]],
    expect: [joinedReply, ['1', '1', T, 'phx_error', { reason: 'channel_crash' }]],
  },
  {
    name: 'heartbeat',
    send: [[null, '8', 'phoenix', 'heartbeat', {}]],
    expect: [[null, '8', 'phoenix', 'phx_reply', ok()]],
  },
  {
    name: 'removed by the server',
    send: [...joined, ['1', '2', T, 'kick', {}]],
    expect: [joinedReply, ['1', '1', T, 'phx_close', {}]],
  },
  {
    name: 'pushes that come before the join reply wait for it, in order',
    send: [
      ['1', '1', T, 'phx_join', { wait: 'waiting' }],
      ['1', '2', T, 'count', {}],
      ['1', '3', T, 'count', {}],
      settled,
      () => toy.release('waiting'),
    ],
    expect: [joinedReply, ['1', '2', T, 'phx_reply', ok({ n: 1 })], ['1', '3', T, 'phx_reply', ok({ n: 2 })]],
  },
  {
    name: 'pushes start in order without waiting for earlier answers',
    send: [
      ...joined,
      ['1', '2', T, 'count', { wait: 'first' }],
      ['1', '3', T, 'count', {}],
      settled,
      () => toy.release('first'),
    ],
    expect: [joinedReply, ['1', '3', T, 'phx_reply', ok({ n: 2 })], ['1', '2', T, 'phx_reply', ok({ n: 1 })]],
  },
  {
    name: 'a join that replaces one still pending',
    send: [
      ['1', '1', T, 'phx_join', { wait: 'never' }],
      ['1', '2', T, 'echo', {}],
      ['3', '3', T, 'phx_join', {}],
    ],
    expect: [
      ['3', '3', T, 'phx_reply', ok({ room: 'a', early: false })],
      ['1', '1', T, 'phx_close', {}],
    ],
  },
]

async function play(client: SocketClient, row: Row): Promise<void> {
  for (const step of row.send) {
    if (typeof step === 'function') await step(client)
    else {
      const [joinRef, ref, topic, event, payload] = step
      client.send(String(topic), String(event), Object(payload), { joinRef, ref })
    }
  }
  await eventually(() => expect(seen(client).length).toBeGreaterThanOrEqual(row.expect.length))
  await settled(client)
}

describe.each(['2.0.0', '1.0.0'])('PHOENIX.md, serialiser %s', (vsn) => {
  it.each(rows)('$name', async (row) => {
    const client = await SocketClient.connect(toy.url, { token: 'ann', vsn })
    await play(client, row)
    expect(seen(client)).toEqual(row.expect)
    await client.close()
  })

  it('broadcasts with null refs to all but the one who caused it', async () => {
    const [ann, bob, cat] = await Promise.all(
      ['ann', 'bob', 'cat'].map((token) => SocketClient.connect(toy.url, { token, vsn })),
    )
    if (!ann || !bob || !cat) throw new Error('unreachable')
    await ann.join('room:all')
    await bob.join('room:all')
    await ann.push('room:all', 'shout', { text: 'hé' })
    await bob.waitForEvent('room:all', 'shouted')
    await settled(ann)
    expect(seen(bob).at(-1)).toEqual([null, null, 'room:all', 'shouted', { text: 'hé' }])
    expect(ann.frames.some((frame) => frame.event === 'shouted')).toBe(false)
    expect(cat.frames).toEqual([])
    await Promise.all([ann.close(), bob.close(), cat.close()])
  })
})

describe('refs', () => {
  it.each([['7'], [7], [null], [1.5], [true], [{ a: [1, 'x"'] }], ['é"\\']])(
    '%j is echoed unchanged',
    async (ref) => {
      const client = await SocketClient.connect(toy.url, { token: 'ann' })
      client.send(T, 'phx_join', {}, { joinRef: ref, ref })
      client.send(T, 'echo', {}, { joinRef: ref, ref })
      await eventually(() => expect(client.frames).toHaveLength(2))
      expect(seen(client)).toEqual([
        [ref, ref, T, 'phx_reply', ok({ room: 'a', early: false })],
        [ref, ref, T, 'phx_reply', ok()],
      ])
      await client.close()
    },
  )

  it('elements past the fifth are ignored', async () => {
    const client = await SocketClient.connect(toy.url, { token: 'ann' })
    client.socket.send('[null,"1","phoenix","heartbeat",{},{"more":1},2]')
    expect(await client.reply('phoenix', '1')).toEqual({ status: 'ok', response: {} })
    await client.close()
  })
})

it('refuses one channel more than the limit, and counts none that were left', async () => {
  const small = await startToy({ limits: { channelsPerSocket: 2 } })
  const client = await SocketClient.connect(small.url, { token: 'ann' })
  await client.join('room:1')
  await client.join('room:2')
  await expect(client.join('room:3')).rejects.toMatchObject({
    response: { reason: 'too many channels joined' },
  })
  await client.join('room:2')
  await client.leave('room:1')
  await client.join('room:3')
  await small.stop()
})

it('calls leave once for every join, however the channel ended', async () => {
  const own = await startToy()
  const client = await SocketClient.connect(own.url, { token: 'ann' })
  await client.join('room:left')
  await client.leave('room:left')
  await client.join('room:replaced')
  await client.join('room:replaced')
  await expect(client.join('room:refused', { refuse: true })).rejects.toThrow('forbidden')
  await client.join('room:crashed')
  client.send('room:crashed', 'crash')
  await client.waitForEvent('room:crashed', 'phx_error')
  client.send('room:pending', 'phx_join', { wait: 'pending' })
  await settled(client)
  await client.close()
  await eventually(() => expect(own.server.size).toBe(0))
  const left = () => own.log.filter((line) => line.startsWith('leave')).map((line) => line.split(' ')[1])
  expect(left()).toEqual(['left', 'replaced', 'refused', 'crashed', 'replaced'])
  own.release('pending')
  await eventually(() => expect(left().at(-1)).toBe('pending'))
  await own.stop()
})
