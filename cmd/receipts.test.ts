import { beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../internal/testkit/eventually.ts'
import { messageCluster, type Peer } from '../internal/testkit/message-cluster.ts'

// Receipts and catching up, by REST and by socket, across two nodes and all stores.

const cluster = messageCluster(2)
let ann: Peer
let bob: Peer
let eve: Peer

beforeAll(async () => {
  const [first, second, third] = await cluster.people(3)
  if (!first || !second || !third) throw new Error('three were asked for')
  ;[ann, bob, eve] = [first, second, third]
})

interface Item {
  user: { id: string }
  state: string
}

describe('receipts', () => {
  it('are told to the others, answered to who pushed, and kept with their times', async () => {
    const id = await cluster.group(ann, [bob, eve])
    const message = await ann.send(id, 'read me')
    const heard = await ann.socket(`chat:${id}`)
    const [phone, desk] = [await bob.socket(`chat:${id}`), await bob.at(ann.url).socket('user:inbox')]
    const { seq } = message
    expect(await phone.push(`chat:${id}`, 'message:delivered', { messageId: message.id })).toMatchObject({
      deliveredSeq: seq,
    })
    expect(await phone.push(`chat:${id}`, 'message:read', { seq: 1_000_000 })).toEqual({
      deliveredSeq: seq,
      readSeq: seq,
    })
    const told = await heard.find(
      ({ event, payload }) => event === 'receipt' && payload['readSeq'] === seq,
      'the receipt',
    )
    expect(told.payload).toEqual({
      userId: bob.id,
      deliveredSeq: seq,
      readSeq: seq,
      at: expect.any(String),
    })
    const read = await desk.find(({ event }) => event === 'inbox:read', 'inbox:read')
    expect(read.payload).toEqual({ conversationId: id, readSeq: seq })
    await eventually(async () => {
      const { body } = await ann.act(message, 'GET', '/receipts')
      expect(body).toMatchObject({ memberCount: 2, deliveredCount: 1, readCount: 1, nextCursor: null })
      const ofBob = body.items.find(({ user }: Item) => user.id === bob.id)
      expect(ofBob).toMatchObject({ state: 'read', readAt: told.payload['at'] })
      expect(ofBob.deliveredAt <= ofBob.readAt).toBe(true)
      expect(body.items.find(({ user }: Item) => user.id === eve.id)).toMatchObject({
        state: 'sent',
        deliveredAt: null,
        readAt: null,
      })
    })
    expect(phone.frames.filter(({ event }) => event === 'receipt')).toEqual([])
    expect(await phone.push(`chat:${id}`, 'message:read', {}).catch((refused) => refused)).toMatchObject({
      response: { code: 'validation_failed' },
    })
    await Promise.all([heard.close(), phone.close(), desk.close()])
  })

  it('leave nothing unread of what one has read or answered', async () => {
    const id = await cluster.group(ann, [bob])
    for (const text of ['one', 'two', 'three']) await ann.send(id, text)
    expect((await bob.view(id)).unread).toBe(3)
    expect(await bob.ask('POST', `/conversations/${id}/read`, { seq: 2 })).toMatchObject({
      status: 200,
      body: { readSeq: 2 },
    })
    expect((await bob.view(id)).unread).toBe(2)
    await bob.send(id, 'an answer')
    expect(await bob.view(id)).toMatchObject({ unread: 0, readSeq: 5, deliveredSeq: 5 })
    expect((await ann.view(id)).unread).toBe(1)
    const stranger = await eve.ask('POST', `/conversations/${id}/read`, { seq: 2 })
    expect(stranger).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  it('reach messages that only the archive still has', async () => {
    const id = await cluster.group(ann, [bob])
    for (const text of ['one', 'two', 'three']) await ann.send(id, text)
    await eventually(async () => {
      const { rows } = await cluster.pool.query(
        `select 1 from log l join lanes k on k.follower = 'archive' and k.lane = l.lane
         where l.conversation_id = $1 and (l.xid, l.position) > (k.xid, k.position)`,
        [id],
      )
      expect(rows).toEqual([])
    })
    await cluster.pool.query('delete from log where conversation_id = $1', [id])
    expect(await bob.ask('POST', `/conversations/${id}/read`, { seq: 3 })).toMatchObject({
      body: { readSeq: 3 },
    })
    expect((await bob.view(id)).unread).toBe(1)
  })
})

describe('catching up', () => {
  it('gives by socket what REST gives', async () => {
    const id = await cluster.group(ann, [bob])
    const { body: before } = await bob.ask('POST', '/sync', {})
    const cursors = Object.fromEntries(
      before.conversations.map(({ id: one, seq, rev, epoch }: Record<string, unknown>) => [
        one,
        { seq, rev, epoch },
      ]),
    )
    const message = await ann.send(id, 'missed')
    await ann.act(message, 'PUT', '/pin')
    const socket = await bob.socket('user:inbox')
    const pushed = await socket.push('user:inbox', 'sync', { cursors })
    const { body: asked } = await bob.ask('POST', '/sync', { cursors })
    expect(pushed).toEqual(asked)
    expect(asked.more).toBe(false)
    expect(asked.conversations.find((one: { id: string }) => one.id === id)).toMatchObject({
      messages: [{ id: message.id, pinned: true }],
      changes: [{ rev: 1, kind: 'pin', messageId: message.id }],
      seq: message.seq,
      rev: 1,
    })
    await socket.close()
  })
})
