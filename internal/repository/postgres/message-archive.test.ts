import { afterAll, beforeAll } from '@jest/globals'
import type pg from 'pg'
import { testPostgres } from '../../testkit/services.ts'
import { archivedChangesContract } from '../contract/archived-changes.contract.ts'
import { messageArchiveContract } from '../contract/message-archive.contract.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageArchive } from './message-archive.ts'

let pool: pg.Pool
beforeAll(async () => {
  pool = createLogPool((await testPostgres()).url, 'test')
})
afterAll(() => pool.end())

messageArchiveContract('PostgreSQL', () => new PostgresMessageArchive(pool))
archivedChangesContract('PostgreSQL', () => new PostgresMessageArchive(pool))
