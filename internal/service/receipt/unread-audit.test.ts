import { describe, expect, it } from '@jest/globals'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { PostgresMessageArchive } from '../../repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../repository/postgres/message-log.ts'
import { PostgresReceipts } from '../../repository/postgres/receipt.ts'
import { conversationStores } from '../../testkit/conversation-world.ts'
import { appendItem, createGroup } from '../../testkit/fixtures.ts'
import { MessageReader } from '../message/message-reader.ts'
import { UnreadAudit } from './unread-audit.ts'

const { pool } = await conversationStores()
const log = new PostgresMessageLog(pool)
const archive = new PostgresMessageArchive(pool)
const receipts = new PostgresReceipts(pool)
const audit = new UnreadAudit(receipts, new MessageReader(log, archive, Date.now))

async function group(messages: number) {
  const { id, memberIds } = await createGroup(pool, 3)
  const [ann, bob, eve] = memberIds
  if (!ann || !bob || !eve) throw new Error('three members')
  for (let sent = 0; sent < messages; sent += 100) {
    const items = Array.from({ length: 100 }, () => appendItem(id, ann, 'text'))
    await log.append(items, { wait: true })
  }
  return { id, ann, bob, eve }
}

function drift(id: ConversationId, userId: UserId, by: number) {
  return pool.query(
    `update conversation_members set read_ordinal = read_ordinal + $3
     where conversation_id = $1 and user_id = $2`,
    [id, userId, by],
  )
}

const read = (conversationId: ConversationId, userId: UserId, seq: number) =>
  receipts.move([{ conversationId, userId, deliveredSeq: seq, readSeq: seq, ordinal: null }])

describe('the audit of unread counts', () => {
  it('finds nothing where they are right, and each one that has drifted', async () => {
    const few = await group(300)
    const many = await group(1300)
    await read(few.id, few.bob, 120)
    await read(many.id, many.bob, 50)
    expect(await audit.verify(1000)).toEqual({ checked: 6, uncountable: 0, drifts: [] })
    await drift(few.id, few.bob, 1)
    await drift(few.id, few.eve, 2)
    await drift(many.id, many.bob, -1)
    const { checked, drifts } = await audit.verify(1000)
    expect(checked).toBe(6)
    expect(drifts).toHaveLength(3)
    expect(drifts).toEqual(
      expect.arrayContaining([
        { conversationId: few.id, userId: few.bob, readSeq: 120, counted: 180, unread: 181 },
        { conversationId: few.id, userId: few.eve, readSeq: 0, counted: 298, unread: 300 },
        { conversationId: many.id, userId: many.bob, readSeq: 50, counted: 1252, unread: 1251 },
      ]),
    )
  })

  it('goes by what is left where messages have disappeared', async () => {
    await pool.query('delete from conversation_members')
    const { id, bob, eve } = await group(100)
    await read(id, bob, 20)
    await read(id, eve, 30)
    await pool.query('delete from log where conversation_id = $1 and seq between 25 and 35', [id])
    expect(await audit.verify(1000)).toEqual({ checked: 2, uncountable: 1, drifts: [] })
    await drift(id, bob, 1)
    expect((await audit.verify(1000)).drifts).toMatchObject([{ userId: bob }])
  })

  it('looks at about as many as it was asked to', async () => {
    await pool.query('delete from conversation_members')
    for (let n = 0; n < 20; n++) await group(0)
    const { checked } = await audit.verify(30)
    expect(checked).toBeLessThan(60)
  })
})
