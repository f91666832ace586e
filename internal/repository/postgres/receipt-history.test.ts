import { afterAll, beforeAll } from '@jest/globals'
import type pg from 'pg'
import { testPostgres } from '../../testkit/services.ts'
import { receiptHistoryContract } from '../contract/receipts.contract.ts'
import { PostgresArchiveRemover } from './archive-remover.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresReceiptHistory } from './receipt-history.ts'
import { Sql } from './sql.ts'

let pool: pg.Pool
beforeAll(async () => {
  pool = createLogPool((await testPostgres()).url, 'test')
})
afterAll(() => pool.end())

receiptHistoryContract(
  'PostgreSQL',
  () => new PostgresReceiptHistory(pool),
  () => new PostgresArchiveRemover(new Sql(pool)),
)
