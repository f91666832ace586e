/**
 * Embedded PostgreSQL as a process of its own: prints its address, stops on SIGTERM.
 * Arguments: the data folder, then settings as `name=value`.
 */
import { createLogger } from '../platform/logger.ts'
import { startEmbeddedPostgres } from '../repository/postgres/embedded.ts'

const [dataDir = '', ...settings] = process.argv.slice(2)
const { url, stop } = await startEmbeddedPostgres({
  dataDir,
  logger: createLogger({ name: 'child', level: 'silent' }),
  settings: Object.fromEntries(settings.map((setting) => setting.split('='))),
})
process.once('SIGTERM', () => {
  void stop().then(() => process.exit(0))
})
process.stdout.write(`${url}\n`)
