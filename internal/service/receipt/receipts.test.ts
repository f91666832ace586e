import { describe, expect, it } from '@jest/globals'
import { receiptRoutes } from '../../api/http/receipts.ts'
import { DomainError } from '../../domain/errors.ts'
import { type ConversationId, type MessageId, messageIdOf, type UserId } from '../../domain/ids.ts'
import { timeOf } from '../../domain/log-entry.ts'
import type { Actor } from '../../domain/user.ts'
import { MemoryRateLimiter } from '../../repository/memory/limit.ts'
import { PostgresMessageArchive } from '../../repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../repository/postgres/message-log.ts'
import { PostgresReceipts } from '../../repository/postgres/receipt.ts'
import { PostgresReceiptHistory } from '../../repository/postgres/receipt-history.ts'
import { Sql } from '../../repository/postgres/sql.ts'
import { PostgresUsers } from '../../repository/postgres/user.ts'
import { actorOf, conversationStores } from '../../testkit/conversation-world.ts'
import { appendItem, createGroup, createUsers } from '../../testkit/fixtures.ts'
import { serveRoutes } from '../../testkit/http-node.ts'
import { History } from '../message/history.ts'
import { MessageReader } from '../message/message-reader.ts'
import { PLAIN } from '../message/messages.ts'
import { UserService } from '../user/users.ts'
import { Places } from './places.ts'
import { type Moved, PointerCommits } from './pointers.ts'
import { ReceiptJournal } from './receipt-journal.ts'
import { Receipts } from './receipts.ts'

const { pool, messages, store } = await conversationStores()
const log = new PostgresMessageLog(pool)
const archive = new PostgresMessageArchive(pool)
const history = new PostgresReceiptHistory(pool)
const journal = new ReceiptJournal({
  history,
  onError: (error) => {
    throw error
  },
})
const moved: Moved[] = []
let isJournalLost = false
const receipts = new Receipts({
  commits: new PointerCommits({
    store: new PostgresReceipts(pool),
    onMoved: (one) => {
      moved.push(one)
      if (!isJournalLost) journal.add(one)
    },
    flushMs: 1,
  }),
  places: new Places(new MessageReader(log, archive, Date.now)),
  history,
  recipients: new PostgresReceipts(pool),
  messages: new History(log, archive),
  users: new UserService(new PostgresUsers(new Sql(pool))),
})

/** Ann has written nine messages behind the system's one. */
async function group(members = 3) {
  const { id, memberIds } = await createGroup(pool, members)
  const [ann, bob, eve] = memberIds
  if (!ann || !bob || !eve) throw new Error('three members')
  await log.append(
    Array.from({ length: 9 }, (_, n) => appendItem(id, ann, `message ${n + 2}`)),
    { wait: true },
  )
  return { id, ann: actorOf(ann), bob: actorOf(bob), eve: actorOf(eve) }
}

async function idAt(conversationId: ConversationId, seq: number): Promise<MessageId> {
  const [entry] = await log.entries(conversationId, [seq])
  if (!entry) throw new Error(`no message ${seq}`)
  return messageIdOf(entry)
}

async function unread(id: ConversationId, { userId }: Actor): Promise<number | undefined> {
  return (await store.find(id, userId))?.unread
}

/** The log forgets them; the archive has them, or not. */
async function forget(id: ConversationId, seqs: number[], archived: boolean): Promise<void> {
  if (archived) await archive.write(await log.entries(id, seqs))
  await pool.query('delete from log where conversation_id = $1 and seq = any ($2)', [id, seqs])
}

const byUser = (userId: UserId) => (item: { user: { id: UserId } }) => item.user.id === userId

describe('receipts', () => {
  it('say who has and has read a message and since when, without its sender', async () => {
    const { id, ann, bob, eve } = await group(4)
    const message = await idAt(id, 5)
    await receipts.delivered(bob, id, { seq: 4 })
    await receipts.delivered(eve, id, { messageId: message })
    moved.length = 0
    expect(await receipts.read(bob, id, { seq: 7 }, 'a socket')).toEqual({ deliveredSeq: 7, readSeq: 7 })
    expect(moved).toMatchObject([{ userId: bob.userId, origin: 'a socket', memberCount: 4 }])
    await journal.drained()
    const found = await receipts.of(ann, id, message)
    expect(found).toMatchObject({ memberCount: 3, deliveredCount: 2, readCount: 1, nextCursor: null })
    const at = timeOf(moved[0]?.at ?? 0)
    expect(found.items.find(byUser(bob.userId))).toMatchObject({ state: 'read', deliveredAt: at, readAt: at })
    const ofEve = found.items.find(byUser(eve.userId))
    expect(ofEve).toMatchObject({ state: 'delivered', deliveredAt: expect.any(String), readAt: null })
    expect(found.items.map(({ state }) => state).toSorted()).toEqual(['delivered', 'read', 'sent'])
  })

  it('keep the unread count exact, and never take a read back', async () => {
    const { id, bob } = await group()
    expect(await unread(id, bob)).toBe(9)
    await receipts.read(bob, id, { seq: 4 })
    expect(await unread(id, bob)).toBe(6)
    expect(await receipts.read(bob, id, { seq: 2 })).toEqual({ deliveredSeq: 4, readSeq: 4 })
    expect(await receipts.read(bob, id, { seq: 10_000 })).toEqual({ deliveredSeq: 10, readSeq: 10 })
    expect(await unread(id, bob)).toBe(0)
  })

  it('go by the ids of this conversation only', async () => {
    const { id, ann, bob } = await group()
    const elsewhere = await group()
    const notFound = { code: 'not_found' }
    const foreign = await idAt(elsewhere.id, 8)
    await expect(receipts.read(bob, id, { messageId: foreign })).rejects.toMatchObject(notFound)
    await expect(receipts.delivered(bob, id, { messageId: foreign })).rejects.toMatchObject(notFound)
    expect(await unread(id, bob)).toBe(9)
    const own = await idAt(id, 4)
    await expect(receipts.read(elsewhere.bob, id, { messageId: own })).rejects.toMatchObject(notFound)
    expect(await receipts.read(bob, id, { messageId: own })).toMatchObject({ readSeq: 4 })
    expect(await receipts.of(ann, id, own)).toMatchObject({ readCount: 1 })
  })

  it('answer who has a message beside a read whose place is looked up', async () => {
    const { id, bob } = await group()
    await forget(id, [1, 2, 3, 4, 5], true)
    const answers = await Promise.all([
      receipts.read(bob, id, { seq: 3 }),
      receipts.delivered(bob, id, { seq: 5 }),
    ])
    expect(answers.map(({ deliveredSeq }) => deliveredSeq)).toEqual([5, 5])
  })

  it('reach places that only the archive has', async () => {
    const { id, bob } = await group()
    await forget(id, [1, 2, 3, 4, 5], true)
    expect(await receipts.read(bob, id, { seq: 3 })).toEqual({ deliveredSeq: 3, readSeq: 3 })
    expect(await unread(id, bob)).toBe(7)
  })

  it('go up to the next message there is from one that has disappeared', async () => {
    const { id, bob } = await group()
    await forget(id, [3, 4, 5], false)
    expect(await receipts.read(bob, id, { seq: 3 })).toMatchObject({ readSeq: 5 })
    expect(await unread(id, bob)).toBe(5)
    await forget(id, [8, 9, 10], false)
    expect(await receipts.read(bob, id, { seq: 8 })).toMatchObject({ readSeq: 10 })
    expect(await unread(id, bob)).toBe(0)
  })

  it('date a read by the answer when nothing else tells', async () => {
    const { id, ann, bob } = await group()
    const { message } = await messages.send(bob, id, { ...PLAIN, content: 'I see' })
    const found = await receipts.of(ann, id, await idAt(id, 6))
    const { createdAt } = message
    expect(found.items.find(byUser(bob.userId))).toMatchObject({
      state: 'read',
      deliveredAt: createdAt,
      readAt: createdAt,
    })
  })

  it('keep their state when the time was lost', async () => {
    const { id, ann, bob } = await group()
    isJournalLost = true
    await receipts.read(bob, id, { seq: 5 })
    isJournalLost = false
    const found = await receipts.of(ann, id, await idAt(id, 4))
    expect(found.items.find(byUser(bob.userId))).toMatchObject({
      state: 'read',
      deliveredAt: null,
      readAt: null,
    })
  })

  it('are counts above 100 members', async () => {
    const { id, ann, bob } = await group(101)
    await receipts.read(bob, id, { seq: 5 })
    await journal.drained()
    expect(await receipts.of(ann, id, await idAt(id, 5))).toEqual({
      items: [],
      nextCursor: null,
      memberCount: 100,
      deliveredCount: null,
      readCount: 1,
    })
    const { rowCount } = await pool.query('select 1 from message_receipts where conversation_id = $1', [id])
    expect(rowCount).toBe(0)
  })

  it('are not found by those who are no members', async () => {
    const { id } = await group()
    const [nobody] = (await createUsers(pool, 1)).map(actorOf)
    if (!nobody) throw new Error('a user')
    const refused = { code: 'not_found' }
    await expect(receipts.read(nobody, id, { seq: 1 })).rejects.toMatchObject(refused)
    await expect(receipts.delivered(nobody, id, { seq: 1 })).rejects.toMatchObject(refused)
    await expect(receipts.of(nobody, id, await idAt(id, 2))).rejects.toMatchObject(refused)
  })

  it('answer over REST as their document says', async () => {
    const { id, bob } = await group()
    const node = await serveRoutes({
      routes: receiptRoutes(receipts),
      limiter: new MemoryRateLimiter(0),
      authenticator: {
        authenticate: async (token) => {
          if (token !== 'bob') throw new DomainError('unauthenticated', 'Sign in.')
          return bob
        },
      },
    })
    const read = (body: unknown) => node.call('POST', `/conversations/${id}/read`, { token: 'bob', body })
    try {
      expect(await read({ seq: 3 })).toMatchObject({ status: 200, body: { deliveredSeq: 3, readSeq: 3 } })
      for (const body of [{}, { seq: -1 }, { seq: 1.5 }, { seq: '1' }, { seq: 1, more: 1 }]) {
        expect(await read(body)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
      }
      const path = `/conversations/${id}/messages/${await idAt(id, 3)}/receipts`
      expect(await node.call('GET', path, { token: 'bob' })).toMatchObject({
        status: 200,
        body: { memberCount: 2, readCount: 1, deliveredCount: 1, nextCursor: null },
      })
    } finally {
      await node.close()
    }
  })
})
