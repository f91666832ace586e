import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type pg from 'pg'
import { type ConversationId, uuidv7 } from '../../domain/ids.ts'
import { bodyWith, payloadOf } from '../../domain/log-entry.ts'
import { testPostgres } from '../../testkit/services.ts'
import { logEntry } from '../contract/message-archive.contract.ts'
import { ExpiredMessages } from './expired-messages.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageArchive } from './message-archive.ts'
import { Sql } from './sql.ts'

let pool: pg.Pool
beforeAll(async () => {
  pool = createLogPool((await testPostgres()).url, 'test')
})
afterAll(() => pool.end())

it('removes what has disappeared, and nothing else', async () => {
  const id = uuidv7<ConversationId>()
  const archive = new PostgresMessageArchive(pool)
  const lasting = logEntry(id, 1)
  const passing = [2, 3].map((seq) =>
    logEntry(id, seq, { payload: payloadOf(bodyWith({ content: 'passing', ttl: seq * 10 })) }),
  )
  await archive.write([lasting, ...passing])
  const [first] = passing
  const expired = new ExpiredMessages(new Sql(pool), () => (first?.stamp ?? 0) / 1000 + 20_001)
  expect(await expired.remove()).toBe(true)
  expect((await archive.range(id, 1, 3)).map(({ seq }) => seq)).toEqual([1, 3])
  expect(await expired.remove()).toBe(false)
})
