import { loadConfig } from '../../internal/config/config.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { down, status, up } from './commands.ts'

const ABOUT = `up              apply what is pending, PostgreSQL first, then Cassandra
down [N] [store] take back the last N (1) migrations of a store: postgres (default) or cassandra
status          list every migration with its state

Configured by DATABASE_URL, CASSANDRA_CONTACT_POINTS, CASSANDRA_LOCAL_DC, CASSANDRA_KEYSPACE and, for a
keyspace that does not exist yet, CASSANDRA_REPLICATION. Safe to run from several nodes at once.`

await runBinary({
  name: 'migrate up|down|status',
  about: ABOUT,
  acceptsArguments: true,
  async main(_signal, [command, ...rest]) {
    const { postgres, cassandra } = loadConfig('migrate', process.env)
    if (postgres.kind === 'embedded' || cassandra.kind === 'embedded')
      throw new Error('migrate has no embedded stores')
    const stores = { postgres: postgres.url, cassandra }
    const say = (line: string) => process.stdout.write(`${line}\n`)
    if (command === 'up' && rest.length === 0) return up(stores, say)
    if (command === 'down') return down(stores, rest, say)
    if (command === 'status' && rest.length === 0) return status(stores, say)
    process.stderr.write('usage: migrate up | down [N] [postgres|cassandra] | status\n')
    process.exitCode = 2
  },
})
