import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { type ConversationId, uuidv7 } from '../../domain/ids.ts'
import { eventually } from '../../testkit/eventually.ts'
import { createUsers, testPool } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { PostgresBlocks } from './block.ts'
import { PostgresConversations } from './conversation.ts'
import { createConversation } from './conversation-create.ts'
import { transaction } from './query.ts'
import { Sql } from './sql.ts'

let pool: pg.Pool

beforeAll(async () => {
  pool = testPool((await testPostgres()).url)
})
afterAll(() => pool.end())

async function isWaiting(): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
  )
  return rowCount === 1
}

describe('a block while a direct conversation of the two is being opened', () => {
  it('changes the version that sends are authorised against, too', async () => {
    const [ann, bob] = await createUsers(pool, 2)
    if (!ann || !bob) throw new Error('two users')
    const id = uuidv7<ConversationId>()
    let isBlocked = false
    let blocking: Promise<unknown> = Promise.resolve()
    await transaction(pool, async (client) => {
      const pair = { createdBy: ann, memberIds: [ann, bob], name: null, description: null }
      const given = {
        id,
        kind: 'direct' as const,
        ...pair,
        clientId: null,
        requestHash: null,
        nowMs: Date.now(),
      }
      expect(await createConversation(client, given)).toMatchObject({ outcome: 'created' })
      blocking = new PostgresBlocks(new Sql(pool)).set(bob, ann, true, new Date()).then(() => {
        isBlocked = true
      })
      await eventually(async () => expect(isBlocked || (await isWaiting())).toBe(true))
    })
    await blocking
    const access = await new PostgresConversations(pool).access(id, ann)
    expect(access).toMatchObject({ isBlocked: true, memberVersion: 2 })
  })
})
