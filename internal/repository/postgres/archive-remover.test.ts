import { afterAll, beforeAll } from '@jest/globals'
import type pg from 'pg'
import { testPostgres } from '../../testkit/services.ts'
import { archiveRemoverContract } from '../contract/archive-remover.contract.ts'
import { PostgresArchiveRemover } from './archive-remover.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageArchive } from './message-archive.ts'
import { Sql } from './sql.ts'

let pool: pg.Pool
beforeAll(async () => {
  pool = createLogPool((await testPostgres()).url, 'test')
})
afterAll(() => pool.end())

archiveRemoverContract('PostgreSQL', () => ({
  archive: new PostgresMessageArchive(pool),
  remover: new PostgresArchiveRemover(new Sql(pool)),
}))
