import { beforeAll, describe, expect, it } from '@jest/globals'
import type { ClientId, ConversationId, UserId } from '../internal/domain/ids.ts'
import { PostgresScheduled } from '../internal/repository/postgres/scheduled.ts'
import { Sql } from '../internal/repository/postgres/sql.ts'
import { PLAIN } from '../internal/service/message/messages.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { messageCluster, newClientId, type Peer, type Told } from '../internal/testkit/message-cluster.ts'

const cluster = messageCluster(2)
let ann: Peer
let bob: Peer
let eve: Peer

beforeAll(async () => {
  const [first, second, third] = await cluster.people(3)
  if (!first || !second || !third) throw new Error('three were asked for')
  ;[ann, bob, eve] = [first, second, third]
})

const DAY_MS = 24 * 60 * 60 * 1000
const soon = (ms = 1000) => new Date(Date.now() + ms).toISOString()
const path = (id: string) => `/conversations/${id}/scheduled`

function schedule(peer: Peer, id: string, body: object): Promise<Told> {
  return peer.ask('POST', path(id), { sendAt: soon(DAY_MS), ...body })
}

async function messagesOf(peer: Peer, id: string): Promise<Told['body'][]> {
  const { body } = await peer.get(`/conversations/${id}/messages?limit=100`)
  return body.items.filter(({ type }: { type: string }) => type !== 'system')
}

async function listed(peer: Peer, id: string): Promise<Told['body'][]> {
  return (await peer.get(path(id))).body.items
}

describe('scheduling', () => {
  it('sends at its time, once, and reads nothing for a sender who is not there', async () => {
    const id = await cluster.group(ann, [bob])
    const quoted = await bob.send(id, 'who brings the cake?')
    const socket = await bob.socket(`chat:${id}`)
    const given = { content: 'me, @all', replyTo: quoted.id, sendAt: soon() }
    const made = await schedule(ann, id, given)
    expect(made).toMatchObject({
      status: 201,
      body: { ...given, conversationId: id, status: 'pending', reason: null, type: 'text' },
    })
    expect(await listed(ann, id)).toEqual([made.body])
    expect(await listed(bob, id)).toEqual([])
    expect(await messagesOf(ann, id)).toHaveLength(1)
    const { payload } = await socket.find((frame) => frame.event === 'message:new', 'message:new')
    expect(payload).toMatchObject({ content: 'me, @all', clientId: made.body.id, senderId: ann.id })
    expect(payload).toMatchObject({ replyTo: { id: quoted.id }, mentions: { all: true } })
    expect(Date.parse(String(payload['createdAt']))).toBeGreaterThanOrEqual(Date.parse(given.sendAt))
    await eventually(async () => expect(await listed(ann, id)).toEqual([]))
    // What bob said is unread still.
    expect((await ann.view(id)).unread).toBe(2)
    const { rows } = await cluster.pool.query(
      'select status, content from scheduled_messages where id = $1',
      [made.body.id],
    )
    expect(rows).toEqual([{ status: 'sent', content: '' }])
    expect(await ann.ask('DELETE', `${path(id)}/${made.body.id}`)).toMatchObject({ status: 409 })
    await socket.close()
  })

  it('is done once per clientId, and a send under that clientId is another matter', async () => {
    const id = await cluster.group(ann, [bob])
    const body = { content: 'once', clientId: newClientId(), sendAt: soon(DAY_MS) }
    const answers = await Promise.all([ann, ann.at(bob.url)].map((peer) => schedule(peer, id, body)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 201])
    expect(answers[0]?.body).toEqual(answers[1]?.body)
    const other = await schedule(ann, id, { ...body, content: 'twice' })
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } })
    const sent = await ann.send(id, 'now', { clientId: body.clientId })
    expect(sent.clientId).toBe(body.clientId)
    expect(await listed(ann, id)).toHaveLength(1)
    expect(await ann.ask('DELETE', `${path(id)}/${answers[0]?.body.id}`)).toMatchObject({ status: 204 })
    // What came of it is answered, though its time may have passed.
    const cancelled = await schedule(ann, id, body)
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', content: '' } })
  })

  it('is refused where a send would be, and for times that are none', async () => {
    const id = await cluster.group(ann, [bob])
    for (const [body, status] of [
      [{ content: 'late', sendAt: soon(-1000) }, 400],
      [{ content: 'too far', sendAt: soon(366 * DAY_MS) }, 400],
      [{ content: 'no time', sendAt: 'tomorrow' }, 400],
      [{ content: '  ' }, 400],
      [{ content: 'quotes nothing', replyTo: newClientId() }, 404],
    ] as const) {
      expect(await schedule(ann, id, body)).toMatchObject({ status })
    }
    expect(await schedule(eve, id, { content: 'let me in' })).toMatchObject({ status: 404 })
    await ann.ask('PATCH', `/conversations/${id}`, { postPolicy: 'admins' })
    expect(await schedule(bob, id, { content: 'me too' })).toMatchObject({ status: 403 })
    expect(await listed(ann, id)).toEqual([])
  })

  it('is listed by time in pages, a hundred at most, for its sender alone', async () => {
    const id = await cluster.group(ann, [bob])
    const times = Array.from({ length: 100 }, (_, n) => soon(DAY_MS + ((n * 37) % 100) * 1000))
    const made = await Promise.all(times.map((sendAt, n) => schedule(ann, id, { content: `${n}`, sendAt })))
    expect(made.filter(({ status }) => status !== 201)).toEqual([])
    expect(await schedule(ann, id, { content: 'one more' })).toMatchObject({ status: 409 })
    expect(await schedule(bob, id, { content: "bob's first" })).toMatchObject({ status: 201 })
    const found: Told['body'][] = []
    let next: string | null = ''
    while (next !== null) {
      const { body }: Told = await ann.get(`${path(id)}?limit=30${next && `&cursor=${next}`}`)
      found.push(...body.items)
      next = body.nextCursor
    }
    expect(found.map(({ sendAt }) => sendAt)).toEqual(times.toSorted())
    const [first] = found
    expect(await bob.ask('DELETE', `${path(id)}/${first.id}`)).toMatchObject({ status: 404 })
    for (const status of [204, 204]) {
      expect(await ann.ask('DELETE', `${path(id)}/${first.id}`)).toMatchObject({ status })
    }
    expect(await schedule(ann, id, { content: 'one more' })).toMatchObject({ status: 201 })
  })
})

describe('when its time comes', () => {
  it('is not sent for those who may not send any more, and says why', async () => {
    const [group, direct] = [await cluster.group(ann, [bob, eve]), await cluster.direct(ann, eve)]
    const sendAt = soon(1500)
    await schedule(bob, group, { content: 'as a member', sendAt })
    await schedule(ann, direct, { content: 'as a friend', sendAt })
    await schedule(eve, group, { content: 'as anybody', sendAt })
    await bob.ask('POST', `/conversations/${group}/leave`)
    await eve.ask('PUT', `/users/${ann.id}/block`)
    await ann.ask('PATCH', `/conversations/${group}`, { postPolicy: 'admins' })
    for (const [peer, id, reason] of [
      [bob, group, 'not_found'],
      [ann, direct, 'blocked'],
      [eve, group, 'forbidden'],
    ] as const) {
      await eventually(async () => {
        expect(await listed(peer, id)).toMatchObject([{ status: 'failed', reason }])
      })
    }
    expect(await messagesOf(ann, group)).toEqual([])
    expect(await messagesOf(eve, direct)).toEqual([])
    const [failed] = await listed(bob, group)
    expect(failed.content).toBe('as a member')
    expect(await bob.ask('DELETE', `${path(group)}/${failed.id}`)).toMatchObject({ status: 204 })
    expect(await bob.get(path(group))).toMatchObject({ status: 404 })
    await eve.ask('DELETE', `/users/${ann.id}/block`)
  })

  it('is not sent for one who is suspended, though they wrote a moment ago', async () => {
    const [admin, culprit] = await cluster.people(2)
    if (!admin || !culprit) throw new Error('two were asked for')
    await cluster.pool.query("update users set role = 'admin' where id = $1", [admin.id])
    const id = await cluster.group(ann, [culprit])
    for (const url of cluster.urls.slice(0, 2)) await culprit.at(url).send(id, 'every node knows me')
    const made = await schedule(culprit, id, { content: 'catch me', sendAt: soon(1500) })
    const suspended = await admin.ask('PATCH', `/admin/users/${culprit.id}`, { status: 'suspended' })
    expect(suspended.status).toBe(200)
    await eventually(async () => {
      const { rows } = await cluster.pool.query(
        'select status, reason from scheduled_messages where id = $1',
        [made.body.id],
      )
      expect(rows).toEqual([{ status: 'failed', reason: 'forbidden' }])
    })
    expect(await messagesOf(ann, id)).toHaveLength(2)
  })

  it('is sent once, whichever node is killed in the middle', async () => {
    const id = await cluster.group(ann, [bob])
    const victim = await cluster.startNode()
    const sendAt = soon(2500)
    const contents = Array.from({ length: 80 }, (_, n) => `number ${n}`)
    await Promise.all(contents.map((content) => schedule(ann, id, { content, sendAt })))
    await eventually(async () => expect((await messagesOf(ann, id)).length).toBeGreaterThan(0))
    victim.signal('SIGKILL')
    await victim.exited
    await eventually(async () => expect(await listed(ann, id)).toEqual([]))
    const sent = (await messagesOf(ann, id)).map(({ content }) => content)
    expect(sent.toSorted()).toEqual(contents.toSorted())
  })
})

describe('what a killed node leaves', () => {
  const queue = () => new PostgresScheduled(new Sql(cluster.pool))
  const far = () => new Date(Date.now() + DAY_MS)

  /** As a node left it that had begun to send it, and died. */
  async function begun(peer: Peer, id: string, content: string, attemptedAt = new Date()): Promise<ClientId> {
    const made = await schedule(peer, id, { content })
    await cluster.pool.query(
      `update scheduled_messages set status = 'sending', attempts = 1, attempted_at = $2, due_at = $3 where id = $1`,
      [made.body.id, attemptedAt, far()],
    )
    return made.body.id
  }
  const due = (id: ClientId) =>
    cluster.pool.query('update scheduled_messages set due_at = now() where id = $1', [id])

  it('is sent by another when it was not, and not again when it was', async () => {
    const id = await cluster.group(ann, [bob])
    const unsent = await begun(ann, id, 'not yet')
    const sent = await begun(ann, id, 'already')
    await ann.send(id, 'already', { clientId: sent })
    expect(await ann.ask('DELETE', `${path(id)}/${sent}`)).toMatchObject({ status: 409 })
    await Promise.all([due(unsent), due(sent)])
    await eventually(async () => expect(await listed(ann, id)).toEqual([]))
    expect((await messagesOf(ann, id)).map(({ content }) => content).sort()).toEqual(['already', 'not yet'])
  })

  it('counts as sent when it was, though the sender may not any more', async () => {
    const id = await cluster.group(ann, [bob])
    const sent = await begun(bob, id, 'before I left')
    await bob.send(id, 'before I left', { clientId: sent })
    await bob.ask('POST', `/conversations/${id}/leave`)
    await due(sent)
    await eventually(async () => {
      const { rows } = await cluster.pool.query('select status from scheduled_messages where id = $1', [sent])
      expect(rows).toEqual([{ status: 'sent' }])
    })
  })

  it('is not sent when the log would not know it again', async () => {
    const id = await cluster.group(ann, [bob])
    const old = await begun(ann, id, 'maybe sent', new Date(Date.now() - 2 * DAY_MS))
    await due(old)
    await eventually(async () => {
      expect(await listed(ann, id)).toMatchObject([{ status: 'failed', reason: 'outcome_unknown' }])
    })
    expect(await messagesOf(ann, id)).toEqual([])
  })

  it('is held by one worker at a time, whose word counts no longer once another has it', async () => {
    const id = await cluster.group(ann, [bob])
    const scheduled = {
      id: newClientId() as ClientId,
      conversationId: id as ConversationId,
      senderId: ann.id as UserId,
      input: { ...PLAIN, content: 'held' },
      sendAt: far(),
      createdAt: new Date(),
      requestHash: Buffer.alloc(16),
    }
    await queue().create(scheduled, 100)
    const row = { ...scheduled, attempt: 1, attemptedAt: Date.now() }
    await cluster.pool.query(
      `update scheduled_messages set status = 'sending', attempts = 2, attempted_at = now() where id = $1`,
      [row.id],
    )
    await queue().refuse(row, 'forbidden')
    await queue().postpone(row, 'no')
    expect(await listed(ann, id)).toMatchObject([{ status: 'sending' }])
    await queue().postpone({ ...row, attempt: 2 }, 'no')
    expect(await listed(ann, id)).toMatchObject([{ status: 'pending' }])
    expect(await queue().forget(far(), 1000)).toBeGreaterThan(0)
    expect(await listed(ann, id)).toHaveLength(1)
  })
})
