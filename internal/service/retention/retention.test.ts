import { beforeEach, describe, expect, it } from '@jest/globals'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { PostgresArchiveRemover } from '../../repository/postgres/archive-remover.ts'
import { PostgresMessageArchive } from '../../repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../repository/postgres/message-log.ts'
import { PostgresRetention } from '../../repository/postgres/retention.ts'
import { Sql } from '../../repository/postgres/sql.ts'
import { actorOf, conversationStores, groupOf } from '../../testkit/conversation-world.ts'
import { PLAIN } from '../message/messages.ts'
import { Retention } from './retention.ts'

const DAY_MS = 86_400_000
const { pool, messages, store } = await conversationStores()
const sql = new Sql(pool)
const log = new PostgresMessageLog(pool)
const archive = new PostgresMessageArchive(pool)

const retention = (group: number | null, direct: number | null = null) =>
  new Retention({
    store: new PostgresRetention(sql),
    archive,
    remover: new PostgresArchiveRemover(sql),
    days: { group, direct },
    now: Date.now,
  })

async function finish(job: Retention): Promise<void> {
  while (await job.look());
  while (await job.purge());
}

/** A group whose messages, all but the last `young`, are archived and ten days old. */
async function oldGroup(count: number, young: number) {
  const { id, actors } = await groupOf(pool, ['owner', 'member'])
  const [ann, bob] = actors
  for (let n = 1; n <= count; n++) await messages.send(ann, id, { ...PLAIN, content: `message ${n}` })
  const last = count + 1
  const seqs = Array.from({ length: last }, (_, n) => n + 1)
  for (let start = 0; start < last; start += 200) {
    await archive.write(await log.entries(id, seqs.slice(start, start + 200)))
  }
  const border = last - young
  const ago = 10 * DAY_MS * 1000
  await pool.query('delete from log where conversation_id = $1', [id])
  await pool.query(
    'update archived_messages set stamp = stamp - $3 where conversation_id = $1 and seq <= $2',
    [id, border, ago],
  )
  await pool.query(`update conversations set created_at = now() - interval '11 days' where id = $1`, [id])
  if (young === 0)
    await pool.query('update heads set stamp = stamp - $2 where conversation_id = $1', [id, ago])
  return { id, ann, bob, last }
}

const read = async (userId: UserId, id: ConversationId) =>
  (await messages.page(actorOf(userId), id, { limit: 100 })).items.map(({ seq }) => seq)
const rowsOf = async (id: ConversationId) =>
  (
    await pool.query('select seq::int from archived_messages where conversation_id = $1 order by 1', [id])
  ).rows.map(({ seq }) => seq)

beforeEach(async () => {
  await pool.query(`update retention_runs set after_conversation = null, until = '-infinity'`)
})

describe('retention', () => {
  it('removes what is older, from sight and from the disk, and nothing else', async () => {
    for (const [count, young] of [
      [6, 3],
      [6, 1],
      [300, 7],
    ] as const) {
      const { id, ann, last } = await oldGroup(count, young)
      await finish(retention(5))
      await pool.query(`update retention_runs set until = '-infinity'`)
      const kept = Array.from({ length: young }, (_, n) => last - young + 1 + n)
      expect(await read(ann.userId, id)).toEqual(kept)
      expect(await rowsOf(id)).toEqual(kept)
    }
  })

  it('removes all of what is older as a whole, with its preview', async () => {
    const { id, ann, last } = await oldGroup(5, 0)
    await finish(retention(5))
    expect(await read(ann.userId, id)).toEqual([])
    expect(await rowsOf(id)).toEqual([])
    const { rows } = await pool.query(
      'select first_seq::int, preview, preview_seq from heads where conversation_id = $1',
      [id],
    )
    expect(rows).toEqual([{ first_seq: last + 1, preview: null, preview_seq: null }])
    expect(await store.find(id, ann.userId)).toMatchObject({ lastMessage: null })
    await messages.send(ann, id, { ...PLAIN, content: 'young' })
    expect(await read(ann.userId, id)).toEqual([last + 1])
  })

  it('leaves nothing unread that is not there', async () => {
    const { id, bob } = await oldGroup(9, 4)
    expect(await store.find(id, bob.userId)).toMatchObject({ unread: 9 })
    await finish(retention(5))
    expect(await store.find(id, bob.userId)).toMatchObject({ unread: 4, readSeq: 6 })
  })

  it('keeps everything where it is not set, or set for the other kind', async () => {
    const { id, last } = await oldGroup(4, 2)
    await finish(retention(null))
    await finish(retention(null, 5))
    expect(await rowsOf(id)).toHaveLength(last)
  })

  it('keeps what it cannot read', async () => {
    const { id } = await oldGroup(8, 2)
    await pool.query('delete from archived_messages where conversation_id = $1 and seq >= 3', [id])
    await finish(retention(5))
    const { rows } = await pool.query('select first_seq::int from heads where conversation_id = $1', [id])
    expect(rows).toEqual([{ first_seq: 3 }])
  })

  it('looks once an hour, whoever looks', async () => {
    await oldGroup(2, 1)
    const looks = await Promise.all(Array.from({ length: 4 }, () => retention(5).look()))
    expect(looks.filter(Boolean)).toHaveLength(1)
    expect(await retention(5).look()).toBe(false)
  })

  it('removes a deleted conversation’s messages when the log has forgotten them', async () => {
    const { id } = await oldGroup(3, 3)
    await pool.query('delete from conversations where id = $1', [id])
    while (await retention(null).purge());
    expect(await rowsOf(id)).not.toEqual([])
    await pool.query(`update purges set until = until - interval '3 days'`)
    while (await retention(null).purge());
    expect(await rowsOf(id)).toEqual([])
    expect(await pool.query('select 1 from purges where conversation_id = $1', [id])).toMatchObject({
      rowCount: 0,
    })
  })
})
