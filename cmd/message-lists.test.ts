import { beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../internal/testkit/eventually.ts'
import { messageCluster, newClientId, type Peer } from '../internal/testkit/message-cluster.ts'

// Threads, forwarding, mentions, what disappears, and how conversations are listed, across two nodes.

const cluster = messageCluster(2)
let ann: Peer
let bob: Peer
let eve: Peer
let zoe: Peer

beforeAll(async () => {
  const [first, second, third, fourth] = await cluster.people(4)
  if (!first || !second || !third || !fourth) throw new Error('four were asked for')
  ;[ann, bob, eve, zoe] = [first, second, third, fourth]
})

const contents = (body: { items: { content: string }[] }) => body.items.map(({ content }) => content)

describe('threads', () => {
  it('count their replies and list them in pages', async () => {
    const id = await cluster.group(ann, [bob])
    const root = await ann.send(id, 'what do you think?')
    const replies = []
    for (let n = 0; n < 5; n++) {
      replies.push(await [ann, bob][n % 2]?.send(id, `reply ${n}`, { threadRootId: root.id }))
      await ann.send(id, `beside it ${n}`)
    }
    expect(replies[0]).toMatchObject({ threadRootId: root.id, threadCount: 0 })
    expect((await bob.read(root)).threadCount).toBe(5)
    const newest = await bob.act(root, 'GET', '/thread?limit=2')
    expect(contents(newest.body)).toEqual(['reply 3', 'reply 4'])
    expect(newest.body).toMatchObject({ hasBefore: true, hasAfter: false })
    const before = await bob.act(root, 'GET', `/thread?limit=2&before=${replies[3].seq}`)
    expect(contents(before.body)).toEqual(['reply 1', 'reply 2'])
    const after = await bob.act(root, 'GET', '/thread?after=0&limit=4')
    expect(contents(after.body)).toEqual(['reply 0', 'reply 1', 'reply 2', 'reply 3'])
    expect(after.body).toMatchObject({ hasAfter: true })
    expect(contents((await bob.act(root, 'GET', '/thread?after=0')).body)).toHaveLength(5)
  })

  it('refuse a reply to a reply, to a system message, and to what is elsewhere', async () => {
    const [id, other] = [await cluster.group(ann, [bob]), await cluster.group(ann, [bob])]
    const root = await ann.send(id, 'root')
    const reply = await bob.send(id, 'reply', { threadRootId: root.id })
    const { body } = await ann.get(`/conversations/${id}/messages`)
    const path = `/conversations/${id}/messages`
    for (const [threadRootId, status] of [
      [reply.id, 400],
      [body.items[0].id, 400],
      [(await ann.send(other, 'elsewhere')).id, 404],
    ] as const) {
      expect(await ann.ask('POST', path, { content: 'no', threadRootId })).toMatchObject({ status })
    }
    expect((await ann.read(root)).threadCount).toBe(1)
  })
})

describe('forwarding', () => {
  it('sends on what somebody reads, to several conversations at once, once', async () => {
    const [id, one, two] = await Promise.all([1, 2, 3].map(() => cluster.group(ann, [bob])))
    if (!id || !one || !two) throw new Error('three')
    const message = await bob.send(id, 'worth it @all', {})
    const body = { conversationIds: [one, two], clientId: newClientId() }
    const first = await ann.act(message, 'POST', '/forward', body)
    expect(first).toMatchObject({ status: 201 })
    const forwarded = { content: 'worth it @all', forwardedFrom: message.id, senderId: ann.id }
    expect(first.body.items.map((sent: { message: object }) => sent.message)).toMatchObject([
      { ...forwarded, conversationId: one, mentions: { userIds: [], all: false } },
      { ...forwarded, conversationId: two },
    ])
    // Another text by now does not make the repeat another request.
    await bob.act(message, 'PATCH', '', { content: 'worth more' })
    const again = await ann.at(bob.url).act(message, 'POST', '/forward', body)
    expect(again).toMatchObject({ status: 200, body: { items: [{ duplicate: true }, { duplicate: true }] } })
    expect(contents((await bob.get(`/conversations/${one}/messages?limit=2`)).body)).toContain(
      'worth it @all',
    )
    expect((await bob.view(one)).seq).toBe((await bob.view(two)).seq)
  })

  it('sends to none when one refuses, and nothing that one cannot read', async () => {
    const [id, one] = [await cluster.group(ann, [bob]), await cluster.group(ann, [bob])]
    const strangers = await cluster.group(eve, [zoe])
    const message = await ann.send(id, 'stays')
    const seq = (await ann.view(one)).seq
    const refused = await ann.act(message, 'POST', '/forward', { conversationIds: [one, strangers] })
    expect(refused).toMatchObject({ status: 404 })
    expect((await ann.view(one)).seq).toBe(seq)
    const unread = await eve.act(message, 'POST', '/forward', { conversationIds: [strangers] })
    expect(unread).toMatchObject({ status: 404 })
    const many = { conversationIds: Array.from({ length: 21 }, newClientId) }
    expect(await ann.act(message, 'POST', '/forward', many)).toMatchObject({ status: 400 })
  })
})

describe('mentions', () => {
  it('are found in the text and in ids, of members only, and counted until they are read', async () => {
    const id = await cluster.group(ann, [bob, eve])
    const { username } = (await bob.get('/users/me')).body
    const named = await ann.send(id, `ask @${username.toUpperCase()}, not @nobody or mail@${username}.org`)
    expect(named.mentions).toEqual({ userIds: [bob.id], all: false })
    const byId = await ann.send(id, 'you two', { mentions: [bob.id, zoe.id] })
    expect(byId.mentions).toEqual({ userIds: [bob.id], all: false })
    expect((await ann.send(id, '@all of you')).mentions).toEqual({ userIds: [], all: true })
    expect(await bob.view(id)).toMatchObject({ mentions: 3, unread: 3 })
    expect(await eve.view(id)).toMatchObject({ mentions: 1, unread: 3 })
    expect((await ann.view(id)).mentions).toBe(0)
    // An edit calls whom it names now.
    await ann.act(named, 'PATCH', '', { content: 'never mind' })
    expect((await bob.view(id)).mentions).toBe(2)
    await ann.act(byId, 'DELETE', '?scope=everyone')
    expect((await bob.view(id)).mentions).toBe(1)
    await bob.send(id, 'here I am')
    expect(await bob.view(id)).toMatchObject({ mentions: 0, unread: 0 })
  })

  it('do not call one who blocked the sender', async () => {
    const id = await cluster.group(ann, [bob, zoe])
    await zoe.ask('PUT', `/users/${bob.id}/block`)
    const message = await bob.send(id, 'hey', { mentions: [zoe.id] })
    expect(message.mentions.userIds).toEqual([zoe.id])
    expect((await zoe.view(id)).mentions).toBe(0)
    await bob.send(id, '@all')
    expect((await zoe.view(id)).mentions).toBe(0)
    await zoe.ask('DELETE', `/users/${bob.id}/block`)
  })

  it('leave addresses and direct conversations alone', async () => {
    const id = await cluster.direct(ann, bob)
    expect((await ann.send(id, '@all alone')).mentions).toEqual({ userIds: [], all: false })
  })
})

describe('disappearing messages', () => {
  it('are gone from everything one can read', async () => {
    const id = await cluster.group(ann, [bob])
    const before = await ann.send(id, 'stays')
    expect(await ann.ask('PATCH', `/conversations/${id}`, { messageTtl: 5 })).toMatchObject({ status: 200 })
    const root = await ann.send(id, 'burns with its thread')
    expect(Date.parse(root.expiresAt) - Date.parse(root.createdAt)).toBe(5000)
    const last = await ann.send(id, 'burns after reading')
    await ann.act(last, 'PUT', '/pin')
    await ann.act(last, 'PATCH', '', { content: 'burns after editing' })
    expect((await bob.get(`/conversations/${id}/pins`)).body.items).toHaveLength(1)
    expect((await bob.view(id)).lastMessage.content).toBe('burns after editing')
    await ann.ask('PATCH', `/conversations/${id}`, { messageTtl: null })
    const quote = await bob.send(id, 'as you said', { replyTo: last.id })
    const reply = await bob.send(id, 'in the thread', { threadRootId: root.id })
    const list = await cluster.group(ann, [bob])
    await ann.ask('PATCH', `/conversations/${list}`, { messageTtl: 4 })
    const only = await ann.send(list, 'burns alone')
    expect((await bob.view(list)).lastMessage.id).toBe(only.id)
    for (const message of [root, last, only]) {
      await eventually(async () => expect(await bob.act(message, 'GET')).toMatchObject({ status: 404 }))
    }

    for (const message of [root, last]) {
      expect(await bob.act(message, 'GET', '/edits')).toMatchObject({ status: 404 })
      expect(await ann.act(message, 'PATCH', '', { content: 'phoenix' })).toMatchObject({ status: 404 })
      expect(await ann.act(message, 'PUT', '/pin')).toMatchObject({ status: 404 })
    }
    expect(await bob.act(root, 'GET', '/thread')).toMatchObject({ status: 404 })
    const page = (await bob.get(`/conversations/${id}/messages?after=0`)).body
    const seen = contents(page).filter((content) => content !== '')
    expect(seen).toEqual(['stays', 'as you said', 'in the thread'])
    expect((await bob.read(quote)).replyTo).toMatchObject({ id: last.id, excerpt: '' })
    const { changes } = (await bob.get(`/conversations/${id}/changes?after=0`)).body
    expect(changes.map((change: { message: unknown }) => change.message)).toEqual([null, null])
    expect((await bob.get(`/conversations/${id}/pins`)).body.items).toEqual([])
    const socket = await bob.socket()
    const joined = await socket.join(`chat:${id}`, { seq: 0, rev: 0 })
    const history = await socket.push(`chat:${id}`, 'history', { after: 0 })
    const inbox = await socket.join('user:inbox')
    const lists = (await bob.get('/conversations')).body
    const { epoch } = await bob.view(id)
    const cursors = { [id]: { seq: 0, rev: 0, epoch } }
    const synced = (await bob.ask('POST', '/sync', { cursors })).body
    expect(contents({ items: synced.conversations[0].messages })).toContain('as you said')
    expect(JSON.stringify([page, joined, history, inbox, lists, synced])).not.toContain('burns')
    expect((await bob.view(list)).lastMessage).toBeNull()
    expect((await ann.read(before)).content).toBe('stays')
    expect((await ann.read(reply)).threadRootId).toBe(root.id)
    await socket.close()
  })

  it('take no place among the pins for ever', async () => {
    const id = await cluster.group(ann, [bob])
    await ann.ask('PATCH', `/conversations/${id}`, { messageTtl: 4 })
    const burning = await Promise.all(Array.from({ length: 100 }, (_, n) => ann.send(id, `burning ${n}`)))
    await Promise.all(burning.map((message) => ann.act(message, 'PUT', '/pin')))
    await ann.ask('PATCH', `/conversations/${id}`, { messageTtl: null })
    const message = await ann.send(id, 'to keep')
    await eventually(async () => {
      expect(await ann.act(message, 'PUT', '/pin')).toMatchObject({ status: 200, body: { pinned: true } })
    })
    expect(contents((await bob.get(`/conversations/${id}/pins`)).body)).toContain('to keep')
  })
})

describe('the list of conversations', () => {
  it('is in order of their last message: a reaction or an edit to one moves none', async () => {
    const [peer] = await cluster.people(1)
    if (!peer) throw new Error('one was asked for')
    const ids = []
    for (let n = 0; n < 3; n++) ids.push(await cluster.group(peer, [bob]))
    const messages = []
    for (const id of ids) messages.push(await peer.send(id, 'in turn'))
    await bob.act(messages[0], 'PUT', `/reactions/${encodeURIComponent('👍')}`)
    await peer.act(messages[1], 'PATCH', '', { content: 'changed' })
    const listed: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { body } = await peer.get(`/conversations?limit=1${query}`)
      listed.push(...body.items.map((one: { id: string }) => one.id))
      cursor = body.nextCursor
    }
    expect(listed).toEqual(ids.toReversed())
    const { body } = await peer.get('/conversations')
    const last = body.items.map((one: { lastMessage: object }) => one.lastMessage)
    expect(last).toMatchObject([
      { content: 'in turn', reactions: [] },
      { content: 'changed', id: messages[1].id },
      { content: 'in turn', reactions: [{ emoji: '👍', count: 1 }] },
    ])
  })
})
