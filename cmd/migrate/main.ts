import { loadConfig } from '../../internal/config/config.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { down, status, up } from './commands.ts'
import { seedCluster } from './seed.ts'

const ABOUT = `up              apply what is pending, PostgreSQL first, then Cassandra
down [N] [store] take back the last N (1) migrations of a store: postgres (default) or cassandra
status          list every migration with its state
seed            add sample users and history; needs SECRET_KEY, the API's

Configured by DATABASE_URL, CASSANDRA_CONTACT_POINTS, CASSANDRA_LOCAL_DC, CASSANDRA_KEYSPACE and, for a
keyspace that does not exist yet, CASSANDRA_REPLICATION. Safe to run from several nodes at once.`

await runBinary({
  name: 'migrate up|down|status|seed',
  about: ABOUT,
  acceptsArguments: true,
  async main(_signal, [command, ...rest]) {
    const config = loadConfig('migrate', process.env)
    const { postgres, cassandra } = config
    if (postgres.kind === 'embedded' || cassandra.kind === 'embedded')
      throw new Error('migrate has no embedded stores')
    const stores = { postgres: postgres.url, cassandra }
    const say = (line: string) => process.stdout.write(`${line}\n`)
    if (command === 'up' && rest.length === 0) return up(stores, say)
    if (command === 'down') return down(stores, rest, say)
    if (command === 'status' && rest.length === 0) return status(stores, say)
    if (command === 'seed' && rest.length === 0) return seedCluster(config, postgres.url, say)
    process.stderr.write('usage: migrate up | down [N] [postgres|cassandra] | status | seed\n')
    process.exitCode = 2
  },
})
