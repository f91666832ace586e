import { afterAll, describe, expect, it } from '@jest/globals'
import { syncRoutes } from '../../api/http/sync.ts'
import { type ConversationId, newOperationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { createCassandraClient } from '../../repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../../repository/cassandra/message-archive.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { PostgresMemberNames } from '../../repository/postgres/member-names.ts'
import { PostgresMessageArchive } from '../../repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../repository/postgres/message-log.ts'
import { PostgresSync } from '../../repository/postgres/sync.ts'
import { actorOf, conversationStores } from '../../testkit/conversation-world.ts'
import { appendItem, createGroup, createUsers } from '../../testkit/fixtures.ts'
import { serveRoutes } from '../../testkit/http-node.ts'
import { AccessCache } from '../message/access-cache.ts'
import { History } from '../message/history.ts'
import { MessageChanges } from '../message/message-changes.ts'
import type { SyncCursor } from './ports.ts'
import { Sync, type SyncAnswer, type Synced } from './sync.ts'

const { pool, live, store } = await conversationStores()
const log = new PostgresMessageLog(pool)
const archive = new PostgresMessageArchive(pool)
const history = new History(log, archive)
const changes = new MessageChanges({
  access: new AccessCache(store),
  members: store,
  names: new PostgresMemberNames(pool),
  history,
  log,
  live,
  relay: { wake: () => {} },
  newOperationId,
})
const nowhere = createCassandraClient({ contactPoints: ['127.0.0.1:1'], localDc: 'none', keyspace: 'none' })
afterAll(() => nowhere.shutdown())
const sync = new Sync({ store: new PostgresSync(pool), history })

async function someone(): Promise<UserId> {
  const [id] = await createUsers(pool, 1)
  if (!id) throw new Error('a user')
  return id
}

/** A group of these, with so many messages behind the system's one. */
async function group(userIds: UserId[], messages: number, content = 'text'): Promise<ConversationId> {
  const [first] = userIds
  if (!first) throw new Error('a member')
  const { id } = await createGroup(pool, userIds)
  for (let sent = 0; sent < messages; sent += 100) {
    const count = Math.min(100, messages - sent)
    await log.append(
      Array.from({ length: count }, () => appendItem(id, first, content)),
      { wait: true },
    )
  }
  return id
}

type Cursors = Map<ConversationId, SyncCursor>

function cursorsIn(...answers: SyncAnswer[]): Cursors {
  const cursors: Cursors = new Map()
  for (const { conversations } of answers) {
    for (const one of conversations) {
      if ('removed' in one) cursors.delete(one.id)
      else cursors.set(one.id, { seq: one.seq, rev: one.rev, epoch: one.epoch })
    }
  }
  return cursors
}

function at(answer: SyncAnswer, id: ConversationId): Synced {
  const found = answer.conversations.find((one) => one.id === id)
  if (!found || 'removed' in found) throw new Error(`${id} is not answered`)
  return found
}

const seqs = ({ messages }: Synced) => messages.map(({ seq }) => seq)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('sync', () => {
  it('gives conversations without a cursor with their newest, last active first, a few at a time', async () => {
    const ann = await someone()
    const ids: ConversationId[] = []
    for (let n = 0; n < 25; n++) ids.push(await group([ann], n === 24 ? 60 : 1))
    const actor = actorOf(ann)
    const first = await sync.sync(actor, new Map())
    expect(first.conversations.map(({ id }) => id)).toEqual(ids.toReversed().slice(0, 20))
    expect(first.more).toBe(true)
    expect(seqs(at(first, ids[24] ?? uuidv7()))).toEqual(range(12, 61))
    const second = await sync.sync(actor, cursorsIn(first))
    expect(second.conversations).toHaveLength(25)
    expect(second.conversations.slice(20).map(({ id }) => id)).toEqual(ids.toReversed().slice(20))
    expect(second.more).toBe(false)
  })

  it('gives what was missed, oldest first and contiguous, 200 at most, until there is no more', async () => {
    const ann = await someone()
    const id = await group([ann], 450)
    const quiet = await group([ann], 3)
    const actor = actorOf(ann)
    const all = cursorsIn(await sync.sync(actor, new Map()))
    const { epoch } = all.get(id) ?? { epoch: '' }
    let cursors: Cursors = all.set(id, { seq: 1, rev: 0, epoch })
    const seen: number[] = []
    for (let round = 0; round < 3; round++) {
      const answer = await sync.sync(actor, cursors)
      const one = at(answer, id)
      expect([one.more, answer.more]).toEqual([round < 2, round < 2])
      expect(one.messages.length).toBeLessThanOrEqual(200)
      expect(at(answer, quiet)).toMatchObject({ messages: [], changes: [], seq: 4, rev: 0, more: false })
      seen.push(...seqs(one))
      cursors = cursorsIn(answer)
    }
    expect(seen).toEqual(range(2, 451))
  })

  it('gives changes since the cursor, each with the message as it is now', async () => {
    const ann = await someone()
    const id = await group([ann], 5)
    const actor = actorOf(ann)
    const before = await sync.sync(actor, new Map())
    const message = at(before, id).messages[2]
    if (!message) throw new Error('a third message')
    const target = { actor, conversationId: id, messageId: message.id, origin: null }
    await changes.edit(target, 'edited', null)
    await changes.react(target, '👍', true)
    const after = at(await sync.sync(actor, cursorsIn(before)), id)
    expect(after).toMatchObject({ messages: [], seq: 6, rev: 2, more: false })
    expect(after.changes).toMatchObject([
      { rev: 1, kind: 'edit', seq: message.seq, message: { content: 'edited' } },
      { rev: 2, kind: 'reaction', message: { reactions: [{ emoji: '👍', count: 1, mine: true }] } },
    ])
  })

  it('tells of conversations that were left, or never seen', async () => {
    const [ann, bob] = [await someone(), await someone()]
    const left = await group([ann, bob], 2)
    const actor = actorOf(bob)
    const cursors = cursorsIn(await sync.sync(actor, new Map()))
    await pool.query('delete from conversation_members where conversation_id = $1 and user_id = $2', [
      left,
      bob,
    ])
    const foreign = await group([ann], 2)
    cursors.set(foreign, { seq: 0, rev: 0, epoch: '' })
    expect(await sync.sync(actor, cursors)).toEqual({
      conversations: [
        { id: left, removed: true },
        { id: foreign, removed: true },
      ],
      more: false,
    })
  })

  it('starts anew where the cursor is of another history', async () => {
    const ann = await someone()
    const id = await group([ann], 60)
    const actor = actorOf(ann)
    const { epoch } = at(await sync.sync(actor, new Map()), id)
    for (const cursor of [
      { seq: 61, rev: 0, epoch: 'another' },
      { seq: 10, rev: 0, epoch: 'another' },
      { seq: 62, rev: 0, epoch },
      { seq: 61, rev: 1, epoch },
    ]) {
      const answer = at(await sync.sync(actor, new Map([[id, cursor]])), id)
      expect(answer).toMatchObject({ reset: true, seq: 61, rev: 0, epoch, more: false })
      expect(seqs(answer)).toEqual(range(12, 61))
    }
  })

  it('is bounded in size, and complete in the end', async () => {
    const ann = await someone()
    const ids = [await group([ann], 150, 'x'.repeat(8000)), await group([ann], 150, 'y'.repeat(8000))]
    for (let n = 0; n < 12; n++) ids.push(await group([ann], 200))
    const actor = actorOf(ann)
    let cursors: Cursors = new Map()
    const { epoch } = at(await sync.sync(actor, new Map()), ids[13] ?? uuidv7())
    for (const id of ids) {
      const { rows } = await pool.query('select epoch from heads where conversation_id = $1', [id])
      cursors.set(id, { seq: 0, rev: 0, epoch: `${rows[0].epoch}.${epoch.split('.')[1]}` })
    }
    const seen = new Map<ConversationId, number[]>(ids.map((id) => [id, []]))
    let rounds = 0
    for (let more = true; more; rounds++) {
      const answer = await sync.sync(actor, cursors)
      expect(answer.conversations).toHaveLength(ids.length)
      expect(JSON.stringify(answer).length).toBeLessThan(3_000_000)
      const items = answer.conversations.flatMap((one) => ('removed' in one ? [] : one.messages))
      expect(items.length).toBeGreaterThan(0)
      expect(items.length).toBeLessThanOrEqual(2000)
      for (const { conversationId, seq } of items) seen.get(conversationId)?.push(seq)
      cursors = cursorsIn(answer)
      more = answer.more
    }
    expect(rounds).toBeGreaterThan(2)
    expect([...seen.values()]).toEqual(ids.map((_, n) => range(1, n < 2 ? 151 : 201)))
  })

  it('adds nothing to 500 cursors, and takes no more than those', async () => {
    const ann = await someone()
    await group([ann], 1)
    const cursors: Cursors = new Map(
      Array.from({ length: 500 }, () => [uuidv7<ConversationId>(), { seq: 0, rev: 0, epoch: '' }]),
    )
    const answer = await sync.sync(actorOf(ann), cursors)
    expect(answer.conversations).toHaveLength(500)
    expect(answer.more).toBe(false)
    cursors.set(uuidv7<ConversationId>(), { seq: 0, rev: 0, epoch: '' })
    await expect(sync.sync(actorOf(ann), cursors)).rejects.toMatchObject({ code: 'validation_failed' })
  })

  it('gives what can be reached while the archive is away', async () => {
    const ann = await someone()
    const [old, recent] = [await group([ann], 9), await group([ann], 9)]
    const actor = actorOf(ann)
    const cursors = cursorsIn(await sync.sync(actor, new Map()))
    for (const [id, cursor] of cursors) cursors.set(id, { ...cursor, seq: 2 })
    await pool.query('delete from log where conversation_id = $1 and seq <= 5', [old])
    const reachable = new Sync({
      store: new PostgresSync(pool),
      history: new History(log, new CassandraMessageArchive(nowhere)),
    })
    const answer = await reachable.sync(actor, cursors)
    expect(answer.more).toBe(true)
    expect(at(answer, old)).toMatchObject({ messages: [], seq: 2, more: true })
    expect(at(answer, recent)).toMatchObject({ seq: 10, more: false })
    expect(seqs(at(answer, recent))).toEqual(range(3, 10))
  })

  it('answers over REST as its document says, and says what is wrong with a request', async () => {
    const ann = await someone()
    const id = await group([ann], 2)
    const node = await serveRoutes({
      routes: syncRoutes(sync),
      limiter: new MemoryRateLimiter(0),
      authenticator: { authenticate: async () => actorOf(ann) },
    })
    const ask = (body: unknown) => node.call('POST', '/sync', { token: 'ann', body })
    try {
      const fresh = await ask({})
      expect(fresh).toMatchObject({ status: 200, body: { more: false, conversations: [{ id, seq: 3 }] } })
      const { seq, rev, epoch } = fresh.body.conversations[0]
      const again = await ask({ cursors: { [id.toUpperCase()]: { seq, rev, epoch } } })
      expect(again.body.conversations).toEqual([
        { id, messages: [], changes: [], seq, rev, epoch, more: false },
      ])
      const many = Object.fromEntries(range(1, 501).map(() => [uuidv7(), { seq, rev, epoch }]))
      for (const cursors of [
        { nothing: { seq, rev, epoch } },
        { [id]: { seq, rev } },
        { [id]: { seq: -1, rev, epoch } },
        { [id]: { seq, rev, epoch, more: true } },
        [],
        many,
      ]) {
        expect(await ask({ cursors })).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
      }
    } finally {
      await node.close()
    }
  })
})
