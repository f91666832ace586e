import { loadConfig } from '../../internal/config/config.ts'
import { ConfigError } from '../../internal/config/env.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { systemClock } from '../../internal/platform/clock.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { MemoryRateLimiter } from '../../internal/repository/memory/limit.ts'
import { MemorySessionCache } from '../../internal/repository/memory/session.ts'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { startEmbeddedPostgres } from '../../internal/repository/postgres/embedded.ts'
import { migratePostgres } from '../../internal/repository/postgres/migrator.ts'
import { composeIdentity } from '../compose/identity.ts'
import { secretKeyIn } from '../standalone/secret-key.ts'
import { runCommand } from './commands.ts'
import { runUnreadCommand } from './unread.ts'

const ABOUT = `grant USERNAME    make somebody an administrator
revoke USERNAME   make them an ordinary user again
keys rotate       sign access tokens with a new key; nobody is signed out
audit verify [ID:HASH]
                  check the chain of the audit log; with a note of an earlier head, that it is still there
unread verify [MEMBERSHIPS]
                  compare unread counts with the messages themselves, of 1,000 memberships by default

Configured by DATABASE_URL and SECRET_KEY, the API's, and for unread counts its CASSANDRA_CONTACT_POINTS;
without DATABASE_URL it works on the embedded PostgreSQL of DATA_DIR, whose server must not be running.`

const EXIT_USAGE = 2
const EXIT_FAULT = 1

await runBinary({
  name: 'admin grant|revoke|keys|audit|unread',
  about: ABOUT,
  acceptsArguments: true,
  async main(_signal, args) {
    const { postgres, dataDir, http, tokens, ...config } = loadConfig('standalone', process.env)
    if (postgres.kind === 'external' && config.secretKey === null) {
      throw new ConfigError(['SECRET_KEY: is required: the one the API has'])
    }
    const logger = createLogger({ name: 'admin', level: 'error' })
    const embedded = postgres.kind === 'embedded' ? await startEmbeddedPostgres({ dataDir, logger }) : null
    const url = postgres.kind === 'external' ? postgres.url : (embedded?.url ?? '')
    if (embedded) await migratePostgres(url)
    const pool = createPool({ url, max: 2, applicationName: 'admin' })
    try {
      const identity = composeIdentity({
        pool,
        clock: systemClock,
        secretKey: config.secretKey ?? secretKeyIn(dataDir),
        publicUrl: http.publicUrl,
        accessTtlMs: tokens.accessTtlMs,
        refreshTtlMs: tokens.refreshTtlMs,
        cache: new MemorySessionCache(systemClock),
        limiter: new MemoryRateLimiter(0),
        // No sockets here; every node asks the database which sessions ended.
        events: { sessionsEnded: () => {} },
        courier: { send: () => {} },
      })
      const [command, ...rest] = args
      const outcome =
        command === 'unread'
          ? await runUnreadCommand({ url, cassandra: config.cassandra }, rest)
          : await runCommand(identity, args)
      const stream = outcome.ok ? process.stdout : process.stderr
      for (const line of outcome.lines) stream.write(`${line}\n`)
      if (!outcome.ok) process.exitCode = outcome.usage ? EXIT_USAGE : EXIT_FAULT
    } finally {
      await pool.end()
      await embedded?.stop()
    }
  },
})
