import { beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../internal/testkit/eventually.ts'
import { type MessageRef, messageCluster, type Peer, type Told } from '../internal/testkit/message-cluster.ts'

// Every act on a message, by REST and by socket, across two nodes.

const cluster = messageCluster(2)
let ann: Peer
let bob: Peer
let eve: Peer
let others: Peer[]

beforeAll(async () => {
  const [first, second, third, ...rest] = await cluster.people(13)
  if (!first || !second || !third) throw new Error('thirteen were asked for')
  ;[ann, bob, eve, others] = [first, second, third, rest]
})

describe('editing', () => {
  it('shows the new text everywhere, and the texts before to members', async () => {
    const id = await cluster.group(ann, [bob])
    const socket = await bob.socket(`chat:${id}`)
    const message = await ann.send(id, 'frist')
    const edited = await ann.act(message, 'PATCH', '', { content: 'first' })
    expect(edited).toMatchObject({
      status: 200,
      body: { content: 'first', seq: message.seq, id: message.id },
    })
    expect(edited.body.editedAt).not.toBeNull()
    await ann.act(message, 'PATCH', '', { content: 'First!' })
    const heard = await socket.find((frame) => frame.payload['content'] === 'First!', 'the edit')
    expect(heard).toMatchObject({ event: 'message:edited', topic: `chat:${id}` })
    const { body } = await bob.act(message, 'GET', '/edits')
    expect(body.items.map(({ content }: { content: string }) => content)).toEqual(['frist', 'first'])
    expect(body.items[0].editedAt).toBe(message.createdAt)
    expect((await bob.read(message)).content).toBe('First!')
    expect((await bob.view(id)).lastMessage).toMatchObject({ content: 'First!', id: message.id })
    await socket.close()
  })

  it('changes nothing by the same text, and refuses who did not write it', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'mine')
    const again = await ann.act(message, 'PATCH', '', { content: 'mine' })
    expect(again).toMatchObject({ status: 200, body: { editedAt: null, rev: message.rev } })
    expect(await bob.act(message, 'PATCH', '', { content: 'yours' })).toMatchObject({ status: 403 })
    expect(await eve.act(message, 'PATCH', '', { content: 'ours' })).toMatchObject({ status: 404 })
    expect(await ann.act(message, 'PATCH', '', { content: ' \n' })).toMatchObject({ status: 400 })
  })

  it('goes by socket, too: the reply to who pushed, the event to their other devices', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'one')
    const [phone, desk] = [await ann.socket(`chat:${id}`), await ann.at(bob.url).socket(`chat:${id}`)]
    const reply = await phone.push(`chat:${id}`, 'message:edit', { messageId: message.id, content: 'two' })
    expect(reply).toMatchObject({ message: { content: 'two' } })
    await desk.find((frame) => frame.event === 'message:edited', 'message:edited')
    await ann.send(id, 'a later one')
    await phone.find((frame) => frame.event === 'message:new', 'message:new')
    expect(phone.frames.filter(({ event }) => event === 'message:edited')).toEqual([])
    await Promise.all([phone.close(), desk.close()])
  })
})

describe('deleting for everyone', () => {
  it('leaves the place and nothing else, and cannot be undone', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'a secret @all')
    await ann.act(message, 'PATCH', '', { content: 'a better secret @all' })
    await bob.act(message, 'PUT', `/reactions/${encodeURIComponent('👍')}`)
    await ann.act(message, 'PUT', '/pin')
    const reply = await bob.send(id, 'quoted', { replyTo: message.id })
    expect(reply.replyTo.excerpt).toBe('a better secret @all')
    const socket = await bob.socket(`chat:${id}`)
    expect(await ann.act(message, 'DELETE', '?scope=everyone')).toMatchObject({ status: 204 })
    const { payload } = await socket.find((frame) => frame.event === 'message:deleted', 'message:deleted')
    expect(payload).toMatchObject({ messageId: message.id, seq: message.seq, deletedBy: ann.id })
    const gone = {
      ...message,
      content: '',
      mentions: { userIds: [], all: false },
      reactions: [],
      pinned: false,
      editedAt: null,
    }
    const left = await bob.read(message)
    expect(left).toEqual({ ...gone, deletedAt: left.deletedAt, rev: payload['rev'] })
    expect(left.deletedAt).not.toBeNull()
    expect((await bob.act(message, 'GET', '/edits')).body.items).toEqual([])
    expect((await ann.read(reply)).replyTo).toMatchObject({ id: message.id, excerpt: '' })
    expect((await ann.get(`/conversations/${id}/pins`)).body.items).toEqual([])
    const page = await ann.get(`/conversations/${id}/messages`)
    const { body } = await ann.get(`/conversations/${id}/changes?after=0`)
    expect(JSON.stringify([page.body, body])).not.toContain('secret')
    await socket.close()
  })

  it('refuses every later act on it, and takes a second deletion for done', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'soon gone')
    for (const status of [204, 204]) {
      expect(await ann.act(message, 'DELETE', '?scope=everyone')).toMatchObject({ status })
    }
    const refused = [
      await ann.act(message, 'PATCH', '', { content: 'back again' }),
      await bob.act(message, 'PUT', `/reactions/${encodeURIComponent('👍')}`),
      await ann.act(message, 'PUT', '/pin'),
      await ann.act(message, 'POST', '/forward', { conversationIds: [id] }),
    ]
    for (const answer of refused) expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect((await bob.read(message)).content).toBe('')
  })

  it('goes by socket, too', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'a slip')
    const socket = await ann.socket(`chat:${id}`)
    const about = { messageId: message.id, scope: 'everyone' }
    const reply = await socket.push(`chat:${id}`, 'message:delete', about)
    expect(reply).toMatchObject({ message: { id: message.id, content: '' } })
    await expect(socket.push(`chat:${id}`, 'message:delete', { ...about, scope: 'all' })).rejects.toThrow(
      'scope',
    )
    await socket.close()
  })

  it('shows in lists that the last message is gone', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'the last word')
    await ann.act(message, 'DELETE', '?scope=everyone')
    const { lastMessage } = await bob.view(id)
    expect(lastMessage).toMatchObject({ id: message.id, content: '' })
    expect(lastMessage.deletedAt).not.toBeNull()
  })
})

describe('deleting for oneself', () => {
  it("takes it from one's own devices and from nobody else's", async () => {
    const id = await cluster.group(ann, [bob])
    const before = await ann.send(id, 'stays')
    const message = await ann.send(id, 'not for bob')
    const [phone, desk] = [await bob.socket(`chat:${id}`), await bob.at(ann.url).socket(`chat:${id}`)]
    const anns = await ann.socket(`chat:${id}`)
    const hidden = { messageId: message.id, scope: 'me' }
    expect(await phone.push(`chat:${id}`, 'message:delete', hidden)).toEqual({ message: null })
    const { payload } = await desk.find((frame) => frame.event === 'message:deleted', 'message:deleted')
    expect(payload).toMatchObject({ messageId: message.id, deletedBy: bob.id })
    expect(await bob.act(message, 'GET')).toMatchObject({ status: 404 })
    const page = await bob.get(`/conversations/${id}/messages`)
    expect(JSON.stringify(page.body)).not.toContain('not for bob')
    expect((await bob.view(id)).lastMessage).toBeNull()
    expect((await ann.read(message)).content).toBe('not for bob')
    expect((await ann.view(id)).lastMessage.id).toBe(message.id)
    expect((await bob.read(before)).content).toBe('stays')
    await ann.send(id, 'and on')
    await anns.find((frame) => frame.event === 'message:deleted' || frame.event === 'phx_reply')
    expect(anns.frames.filter(({ event }) => event === 'message:deleted')).toEqual([])
    expect(await bob.act(message, 'DELETE', '?scope=me')).toMatchObject({ status: 204 })
    await Promise.all([phone.close(), desk.close(), anns.close()])
  })
})

describe('reactions', () => {
  const thumb = `/reactions/${encodeURIComponent('👍')}`

  it('are counted, the first ten named, whose own is marked', async () => {
    const all = [ann, bob, eve, ...others]
    const id = await cluster.group(ann, all.slice(1))
    const message = await ann.send(id, 'who is with me?')
    const twelve = all.slice(1, 13)
    for (const peer of twelve) expect(await peer.act(message, 'PUT', thumb)).toMatchObject({ status: 200 })
    const named = twelve.slice(0, 10).map((peer) => peer.id)
    const [reaction] = (await ann.read(message)).reactions
    expect(reaction).toEqual({ emoji: '👍', count: 12, userIds: named, mine: false })
    const [first, last] = [twelve[0], twelve[11]]
    if (!first || !last) throw new Error('twelve')
    expect((await last.read(message)).reactions[0]).toMatchObject({ count: 12, mine: true })
    // Again is nothing new.
    const again = await last.act(message, 'PUT', thumb)
    expect(again.body.reactions[0].count).toBe(12)
    // The place that becomes free is taken by one of the others.
    expect(await first.act(message, 'DELETE', thumb)).toMatchObject({ status: 204 })
    const [left] = (await ann.read(message)).reactions
    expect(left).toMatchObject({ count: 11 })
    expect(left.userIds).toHaveLength(10)
    expect(left.userIds.slice(0, 9)).toEqual(named.slice(1))
    expect(twelve.slice(10).map((peer) => peer.id)).toContain(left.userIds[9])
    expect(await first.act(message, 'DELETE', thumb)).toMatchObject({ status: 204 })
    expect((await ann.read(message)).reactions[0].count).toBe(11)
  })

  it('are told live with the count, and stay in the last message of lists', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'nice')
    const socket = await ann.socket(`chat:${id}`)
    const bobs = await bob.socket(`chat:${id}`)
    const about = { messageId: message.id, emoji: '❤️' }
    const reply = await bobs.push(`chat:${id}`, 'message:reaction:add', about)
    expect(reply).toMatchObject({ reactions: [{ emoji: '❤️', count: 1, mine: true }] })
    const added = await socket.find((frame) => frame.event === 'message:reaction:added', 'added')
    expect(added.payload).toMatchObject({ ...about, userId: bob.id, count: 1, seq: message.seq })
    expect((await ann.view(id)).lastMessage.reactions).toMatchObject([{ emoji: '❤️', count: 1 }])
    await bobs.push(`chat:${id}`, 'message:reaction:remove', about)
    const removed = await socket.find((frame) => frame.event === 'message:reaction:removed', 'removed')
    expect(removed.payload).toMatchObject({ ...about, count: 0 })
    expect((await ann.view(id)).lastMessage.reactions).toEqual([])
    await Promise.all([socket.close(), bobs.close()])
  })

  it('are one emoji each', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'hm')
    for (const emoji of ['x', '👍👍', '👍x', '1']) {
      const path = `/reactions/${encodeURIComponent(emoji)}`
      expect(await bob.act(message, 'PUT', path)).toMatchObject({ status: 400 })
    }
    const family = `/reactions/${encodeURIComponent('👨‍👩‍👧‍👦')}`
    expect(await bob.act(message, 'PUT', family)).toMatchObject({ status: 200 })
  })
})

describe('pins', () => {
  it('are listed latest first and told live, a hundred at most', async () => {
    const id = await cluster.group(ann, [bob])
    const messages = await Promise.all(Array.from({ length: 101 }, (_, n) => ann.send(id, `number ${n}`)))
    const socket = await bob.socket(`chat:${id}`)
    await Promise.all(messages.slice(0, 97).map((message) => ann.act(message, 'PUT', '/pin')))
    for (const message of messages.slice(97, 100)) {
      expect(await ann.act(message, 'PUT', '/pin')).toMatchObject({ status: 200, body: { pinned: true } })
    }
    expect(await ann.act(messages[100], 'PUT', '/pin')).toMatchObject({ status: 409 })
    const { body } = await bob.get(`/conversations/${id}/pins`)
    const pinned = body.items.map(({ content }: { content: string }) => content)
    expect(pinned.slice(0, 3)).toEqual(['number 99', 'number 98', 'number 97'])
    expect(new Set(pinned).size).toBe(100)
    expect(await ann.act(messages[0], 'DELETE', '/pin')).toMatchObject({ status: 204 })
    expect(await ann.act(messages[100], 'PUT', '/pin')).toMatchObject({ status: 200 })
    const gone = await socket.find((frame) => frame.event === 'message:unpinned', 'message:unpinned')
    expect(gone.payload).toMatchObject({ messageId: messages[0].id, seq: messages[0].seq, userId: ann.id })
    expect((await bob.read(messages[0])).pinned).toBe(false)
    await socket.close()
  })
})

describe('who may do what', () => {
  const acts: [string, (peer: Peer, message: MessageRef) => Promise<Told>][] = [
    ['react', (peer, message) => peer.act(message, 'PUT', `/reactions/${encodeURIComponent('👍')}`)],
    ['pin', (peer, message) => peer.act(message, 'PUT', '/pin')],
    ['delete for everyone', (peer, message) => peer.act(message, 'DELETE', '?scope=everyone')],
  ]

  it('follows the table of roles, on messages of another member', async () => {
    const [owner, admin, moderator, member, author] = [ann, bob, eve, ...others]
    if (!member || !author) throw new Error('five')
    const id = await cluster.group(owner, [admin, moderator, member, author])
    for (const [peer, role] of [
      [admin, 'admin'],
      [moderator, 'moderator'],
    ] as const) {
      await owner.ask('PATCH', `/conversations/${id}/members/${peer.id}`, { role })
    }
    for (const [act, run] of acts) {
      for (const peer of [owner, admin, moderator, member]) {
        const answer = await run(peer, await author.send(id, `${act} me`))
        expect({ act, ok: answer.status < 300 }).toEqual({ act, ok: act === 'react' || peer !== member })
      }
    }
    // Of equals and of those above, nobody.
    const high = await owner.send(id, 'from above')
    for (const peer of [admin, moderator, member]) {
      expect(await peer.act(high, 'DELETE', '?scope=everyone')).toMatchObject({ status: 403 })
    }
    await owner.ask('PATCH', `/conversations/${id}`, { postPolicy: 'admins' })
    const news = await owner.send(id, 'news')
    const thumb = `/reactions/${encodeURIComponent('👍')}`
    expect(await member.act(news, 'PUT', thumb)).toMatchObject({ status: 403 })
    expect(await moderator.act(news, 'PUT', thumb)).toMatchObject({ status: 200 })
  })

  it('deletes what one who is suspended by now has written', async () => {
    const [admin, culprit] = await cluster.people(2)
    if (!admin || !culprit) throw new Error('two were asked for')
    await cluster.pool.query("update users set role = 'admin' where id = $1", [admin.id])
    const id = await cluster.group(ann, [bob, culprit])
    const message = await culprit.send(id, 'spam')
    await admin.ask('PATCH', `/admin/users/${culprit.id}`, { status: 'suspended' })
    expect(await bob.act(message, 'DELETE', '?scope=everyone')).toMatchObject({ status: 403 })
    expect(await ann.act(message, 'DELETE', '?scope=everyone')).toMatchObject({ status: 204 })
  })

  it('lets nobody pin in a direct conversation with one who has blocked them', async () => {
    const [peer, blocked] = await cluster.people(2)
    if (!peer || !blocked) throw new Error('two were asked for')
    const message = await blocked.send(await cluster.direct(blocked, peer), 'look at this')
    await peer.ask('PUT', `/users/${blocked.id}/block`)
    const refused = { status: 403, body: { code: 'blocked' } }
    expect(await blocked.act(message, 'PUT', '/pin')).toMatchObject(refused)
    expect(await peer.act(message, 'PUT', '/pin')).toMatchObject({ status: 200 })
    expect(await blocked.act(message, 'DELETE', '/pin')).toMatchObject(refused)
  })

  it('is looked up anew once a role has changed, whatever a node remembers', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await bob.send(id, 'this node knows bob as a member')
    expect(await bob.act(message, 'PUT', '/pin')).toMatchObject({ status: 403 })
    await ann.ask('PATCH', `/conversations/${id}/members/${bob.id}`, { role: 'moderator' })
    expect(await bob.act(message, 'PUT', '/pin')).toMatchObject({ status: 200 })
    await ann.ask('PATCH', `/conversations/${id}/members/${bob.id}`, { role: 'member' })
    expect(await bob.act(message, 'DELETE', '/pin')).toMatchObject({ status: 403 })
  })

  it('leaves system messages as they are', async () => {
    const id = await cluster.group(ann, [bob])
    const { body } = await ann.get(`/conversations/${id}/messages`)
    const system = body.items.find(({ type }: { type: string }) => type === 'system')
    for (const answer of [
      await ann.act(system, 'PATCH', '', { content: 'never happened' }),
      await ann.act(system, 'DELETE', '?scope=everyone'),
      await ann.act(system, 'PUT', '/pin'),
      await ann.act(system, 'PUT', `/reactions/${encodeURIComponent('👍')}`),
    ]) {
      expect(answer).toMatchObject({ status: 403 })
    }
    expect(await ann.act(system, 'DELETE', '?scope=me')).toMatchObject({ status: 204 })
  })

  it('shows strangers nothing at all', async () => {
    const id = await cluster.group(ann, [bob])
    const message = await ann.send(id, 'among us')
    for (const [, run] of acts) expect(await run(eve, message)).toMatchObject({ status: 404 })
    for (const path of ['/edits', '/thread']) {
      expect(await eve.act(message, 'GET', path)).toMatchObject({ status: 404 })
    }
    for (const path of ['changes?after=0', 'pins', 'scheduled']) {
      expect(await eve.get(`/conversations/${id}/${path}`)).toMatchObject({ status: 404 })
    }
  })
})

describe('what is read', () => {
  it('is the same in pages, changes, single reads and joins, once all has happened', async () => {
    const id = await cluster.group(ann, [bob])
    const messages = []
    for (let n = 0; n < 6; n++) messages.push(await ann.send(id, `number ${n}`))
    await ann.act(messages[0], 'PATCH', '', { content: 'edited' })
    await bob.act(messages[1], 'PUT', `/reactions/${encodeURIComponent('🎉')}`)
    await ann.act(messages[2], 'DELETE', '?scope=everyone')
    await ann.act(messages[3], 'PUT', '/pin')
    await ann.act(messages[0], 'PATCH', '', { content: 'edited again' })
    const { body: page } = await bob.get(`/conversations/${id}/messages?after=0`)
    const { body: changes } = await bob.get(`/conversations/${id}/changes?after=0`)
    expect(changes).toMatchObject({ rev: 5, more: false })
    const kinds = changes.changes.map(({ kind }: { kind: string }) => kind)
    expect(kinds).toEqual(['edit', 'reaction', 'delete', 'pin', 'edit'])
    const bySeq = new Map(page.items.map((one: { seq: number }) => [one.seq, one]))
    for (const change of changes.changes) expect(change.message).toEqual(bySeq.get(change.seq))
    for (const message of messages) expect(await bob.read(message)).toEqual(bySeq.get(message.seq))
    const socket = await bob.socket()
    const joined = await socket.join(`chat:${id}`, { seq: 0, rev: 0 })
    expect(joined).toMatchObject({ rev: 5, changes: changes.changes, messages: page.items })
    // And the same still, when it comes from the archive.
    await eventually(async () => {
      const { rows } = await cluster.pool.query(
        `select 1 from log l join lanes k on k.follower = 'archive' and k.lane = l.lane
         where l.conversation_id = $1 and (l.xid, l.position) > (k.xid, k.position)`,
        [id],
      )
      expect(rows).toEqual([])
    })
    expect((await bob.get(`/conversations/${id}/messages?after=0`)).body).toEqual(page)
    await socket.close()
  })
})
