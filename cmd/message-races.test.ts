import { beforeAll, describe, expect, it } from '@jest/globals'
import { messageCluster, newClientId, type Peer, type Told } from '../internal/testkit/message-cluster.ts'

// What happens when two do something at once, at two nodes: one outcome, the same for everybody.

const cluster = messageCluster(2)
const thumb = `/reactions/${encodeURIComponent('👍')}`
let all: Peer[]
let ann: Peer
let bob: Peer

beforeAll(async () => {
  all = await cluster.people(30)
  const [first, second] = all
  if (!first || !second) throw new Error('thirty were asked for')
  ;[ann, bob] = [first, second]
}, 60_000)

const ROUNDS = Array.from({ length: 12 }, (_, n) => n)

interface Changed {
  kind: string
  rev: number
  message: { content: string; deletedAt: string | null }
}

async function changesOf(peer: Peer, conversationId: string, seq: number): Promise<Changed[]> {
  const { body } = await peer.get(`/conversations/${conversationId}/changes?after=0`)
  return body.changes.filter((change: { seq: number }) => change.seq === seq)
}

/** Of messages that were deleted: nothing of them is left, and nothing happened to them afterwards. */
async function expectErased(id: string, message: { id: string; conversationId: string; seq: number }) {
  const [one, other] = [await ann.read(message), await bob.read(message)]
  expect(one).toEqual(other)
  expect(one).toMatchObject({ content: '', reactions: [], pinned: false })
  const changes = await changesOf(bob, id, message.seq)
  expect(changes.at(-1)?.kind).toBe('delete')
  expect(changes.filter(({ kind }) => kind === 'delete')).toHaveLength(1)
  const { rows } = await cluster.pool.query(
    'select payload from log where conversation_id = $1 and $2 in (seq, target_seq)',
    [id, message.seq],
  )
  expect(JSON.stringify(rows)).not.toContain('secret')
  expect((await cluster.pool.query('select 1 from pins where conversation_id = $1', [id])).rows).toEqual([])
}

describe('at once', () => {
  it('two edits: both count, the later one stands, the other is in the history', async () => {
    const id = await cluster.group(ann, [bob])
    for (const round of ROUNDS) {
      const message = await ann.send(id, `original ${round}`)
      const texts = [`first ${round}`, `second ${round}`] as const
      const answers = await Promise.all([
        ann.act(message, 'PATCH', '', { content: texts[0] }),
        ann.at(bob.url).act(message, 'PATCH', '', { content: texts[1] }),
      ])
      expect(answers.map(({ status }) => status)).toEqual([200, 200])
      const [one, two] = answers.map(({ body }) => body).sort((a, b) => a.rev - b.rev)
      expect(one.rev).toBeLessThan(two.rev)
      expect((await bob.read(message)).content).toBe(two.content)
      const edits = (await bob.act(message, 'GET', '/edits')).body.items
      expect(edits.map(({ content }: { content: string }) => content)).toEqual([
        `original ${round}`,
        one.content,
      ])
    }
  })

  it('edit and deletion: it is deleted, and no edit comes after', async () => {
    const id = await cluster.group(ann, [bob])
    for (const round of ROUNDS) {
      const message = await ann.send(id, `secret ${round}`)
      const acts = [
        () => ann.act(message, 'PATCH', '', { content: `new secret ${round}` }),
        () => ann.at(bob.url).act(message, 'DELETE', '?scope=everyone'),
      ]
      const answers = await Promise.all((round % 2 ? acts : acts.toReversed()).map((act) => act()))
      const [edit, deletion] = round % 2 ? answers : answers.toReversed()
      expect(deletion).toMatchObject({ status: 204 })
      expect([200, 409]).toContain(edit?.status)
      await expectErased(id, message)
    }
  })

  it('reactions of thirty: each counts once', async () => {
    const id = await cluster.group(ann, all.slice(1))
    const message = await ann.send(id, 'all together')
    const answers = await Promise.all(all.map((peer) => peer.act(message, 'PUT', thumb)))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    const [reaction] = (await bob.read(message)).reactions
    expect(reaction).toMatchObject({ count: 30, mine: true })
    expect(new Set(reaction.userIds).size).toBe(10)
    expect(await changesOf(ann, id, message.seq)).toHaveLength(30)
    const gone = await Promise.all(all.map((peer) => peer.act(message, 'DELETE', thumb)))
    expect(gone.filter(({ status }) => status !== 204)).toEqual([])
    expect((await ann.read(message)).reactions).toEqual([])
  })

  it('the same reaction at two nodes: it counts once', async () => {
    const id = await cluster.group(ann, [bob])
    for (const round of ROUNDS) {
      const message = await ann.send(id, `round ${round}`)
      await Promise.all([bob, bob.at(ann.url)].map((peer) => peer.act(message, 'PUT', thumb)))
      expect((await ann.read(message)).reactions).toMatchObject([{ count: 1, userIds: [bob.id] }])
    }
  })

  it('reaction and deletion, pin and deletion: nothing of it is left', async () => {
    const id = await cluster.group(ann, [bob])
    for (const round of ROUNDS) {
      const message = await ann.send(id, `secret ${round}`)
      const answers = await Promise.all([
        bob.act(message, 'PUT', thumb),
        ann.act(message, 'DELETE', '?scope=everyone'),
        ann.at(bob.url).act(message, 'PUT', '/pin'),
      ])
      expect(answers[1]).toMatchObject({ status: 204 })
      for (const { status } of [answers[0], answers[2]]) expect([200, 409]).toContain(status)
      await expectErased(id, message)
    }
  })

  it('the same send at two nodes: one message', async () => {
    const id = await cluster.group(ann, [bob])
    for (const round of ROUNDS) {
      const body = { content: `once ${round}`, clientId: newClientId() }
      const path = `/conversations/${id}/messages`
      const answers = await Promise.all([ann, ann.at(bob.url)].map((peer) => peer.ask('POST', path, body)))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 201])
      expect(answers[0]?.body.message).toEqual(answers[1]?.body.message)
      const { items } = (await bob.get(`${path}?limit=2`)).body
      expect(items.filter(({ clientId }: { clientId: string }) => clientId === body.clientId)).toHaveLength(1)
    }
  })

  it('block and sends: what was accepted is there, and none after the block', async () => {
    const [eve, zoe] = [all[2], all[3]]
    if (!eve || !zoe) throw new Error('thirty were asked for')
    const id = await cluster.direct(eve, zoe)
    const path = `/conversations/${id}/messages`
    let isBlocked = false
    const sending = [eve, eve.at(zoe.url)].map(async (peer, node) => {
      const answers: (Told & { late: boolean; content: string })[] = []
      for (let n = 0; n < 400; n++) {
        const late = isBlocked
        const content = `${node}.${n}`
        answers.push({ ...(await peer.ask('POST', path, { content })), late, content })
        if (late) break
      }
      return answers
    })
    expect(await zoe.ask('PUT', `/users/${eve.id}/block`)).toMatchObject({ status: 204 })
    isBlocked = true
    const answers = (await Promise.all(sending)).flat()
    for (const { status, late } of answers) expect(late ? [403] : [201, 403]).toContain(status)
    const accepted = answers.flatMap(({ status, content }) => (status === 201 ? content : []))
    const { items } = (await zoe.get(`${path}?after=0&limit=100`)).body
    const stored = items.map(({ content }: { content: string }) => content)
    expect(stored.toSorted()).toEqual(accepted.toSorted())
  })

  it('reading and sending: what is unread is what is above the pointer', async () => {
    const id = await cluster.group(ann, [bob])
    const sends = ROUNDS.map(async (round) => {
      const message = await ann.send(id, `number ${round}`)
      const read = await bob.ask('POST', `/conversations/${id}/read`, { seq: message.seq - (round % 3) })
      expect(read.status).toBe(200)
    })
    await Promise.all(sends)
    const { unread, readSeq } = await bob.view(id)
    const { items } = (await bob.get(`/conversations/${id}/messages?after=${readSeq}`)).body
    expect(unread).toBe(items.filter(({ type }: { type: string }) => type !== 'system').length)
  })
})
