import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { AppendItem } from '../../service/message/ports.ts'
import { appendItem, createGroup, createUsers } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { AppendBatch } from './append-batch.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageLog } from './message-log.ts'

/** One send as drawn: of which group and member, and what comes with it. */
interface Draft {
  group: number
  sender: number
  counts: boolean
  reads: boolean
  root: number | null
  mentions: (number | null)[]
  content: string
}

const draft: fc.Arbitrary<Draft> = fc.record({
  group: fc.nat(2),
  sender: fc.nat(2),
  counts: fc.boolean(),
  reads: fc.boolean(),
  root: fc.option(fc.integer({ min: 1, max: 3 })),
  mentions: fc.array(fc.option(fc.nat(2)), { maxLength: 3 }),
  // What would have to be escaped in an array's text.
  content: fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', '{', '}', 'é', '😀', '\n', ' ', 'NULL') }),
})

describe('a batch appended all at once', () => {
  let pool: pg.Pool
  let log: PostgresMessageLog
  let members: UserId[]

  beforeAll(async () => {
    pool = createLogPool((await testPostgres()).url, 'test')
    log = new PostgresMessageLog(pool)
    members = await createUsers(pool, 3)
  })
  afterAll(() => pool.end())

  async function groups(): Promise<ConversationId[]> {
    const made = await Promise.all([0, 1, 2].map(() => createGroup(pool, members)))
    return made.map(({ id }) => id)
  }

  function itemsOf(drafts: readonly Draft[], ids: readonly ConversationId[]): AppendItem[] {
    return drafts.map(({ group, sender, counts, reads, root, mentions, content }) => {
      const [id, senderId] = [ids[group], members[sender]]
      if (!id || !senderId) throw new RangeError('not drawn')
      return appendItem(id, senderId, content, {
        counts,
        reads,
        rootSeq: root,
        mentions: mentions.map((n) => (n === null ? null : (members[n] ?? null))),
      })
    })
  }

  /** All that an append writes, but for ids and times. */
  async function written(ids: readonly ConversationId[]): Promise<unknown[]> {
    const statements = [
      `select seq, rev, root_seq, ordinal, sender_id, encode(body_hash, 'hex') body_hash, kind, lane % 1 as lane,
         stamp > lag(stamp) over (order by seq) rises, payload::jsonb -> 'content' as content
       from log where conversation_id = $1 order by seq`,
      `select seq, rev, ordinal, preview_seq, preview_rev, preview_changed, preview_stamp = stamp last,
         preview::jsonb -> 'senderId' as sender, member_version from heads where conversation_id = $1`,
      `select user_id, read_seq, read_ordinal, delivered_seq from conversation_members
       where conversation_id = $1 order by user_id`,
      `select seq, user_id, sender_id from mentions where conversation_id = $1 order by seq, user_id, sender_id`,
      `select root_seq, replies from threads where conversation_id = $1 order by root_seq`,
    ]
    const all: unknown[] = []
    for (const id of ids) {
      for (const statement of statements) all.push((await pool.query(statement, [id])).rows)
    }
    return all
  }

  it('comes to the same as one decided item by item', async () => {
    const several = fc.array(fc.array(draft, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(several, async (batches) => {
        const [atOnce, singly] = [await groups(), await groups()]
        for (const drafts of batches) {
          const fast = await log.append(itemsOf(drafts, atOnce), { wait: false })
          const slow = await log.append(itemsOf(drafts, singly), { wait: true })
          const places = (outcomes: typeof fast) =>
            outcomes.map((outcome) => ('seq' in outcome ? { ...outcome, stamp: 0 } : outcome))
          expect(places(fast)).toEqual(places(slow))
        }
        expect(await written(atOnce)).toEqual(await written(singly))
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  it('is not tried when an operation comes twice, or the versions known differ', async () => {
    const [id] = await groups()
    const [ann] = members
    if (!id || !ann) throw new Error('nobody')
    const item = appendItem(id, ann, 'a')
    expect(AppendBatch.of([item, item])).toBeNull()
    expect(AppendBatch.of([item, appendItem(id, ann, 'b', { memberVersion: 2 })])).toBeNull()
    expect(AppendBatch.of([item, appendItem(id, ann, 'b')])).not.toBeNull()
  })

  it('leaves nothing behind when one of its conversations is not as known', async () => {
    const ids = await groups()
    const [one, two] = ids
    const [ann] = members
    if (!one || !two || !ann) throw new Error('nobody')
    const before = await written([one])
    const values = AppendBatch.of([
      appendItem(one, ann, 'a'),
      appendItem(two, ann, 'b', { memberVersion: 9 }),
    ])?.values()
    const { rows } = await pool.query(
      `select * from append_all(${values?.map((_, index) => `$${index + 1}`).join()})`,
      values,
    )
    expect(rows).toEqual([])
    expect(await written([one])).toEqual(before)
  })
})
