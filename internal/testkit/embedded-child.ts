/** Run by tests as a process to kill: starts embedded PostgreSQL in the folder given and prints its address. */
import { createLogger } from '../platform/logger.ts'
import { startEmbeddedPostgres } from '../repository/postgres/embedded.ts'

const logger = createLogger({ name: 'child', level: 'silent' })
const { url } = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '', logger })
process.stdout.write(`${url}\n`)
