import { loadConfig } from '../../internal/config/config.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { runComponents } from '../../internal/platform/lifecycle.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { createApiNode } from '../compose/node.ts'
import { warnOfCourier, warnOfLimits } from '../compose/warnings.ts'

const ABOUT = `Serves REST under /api/v1 and Phoenix Channels at /socket/websocket, and relays the message log.

Configured by DATABASE_URL, CASSANDRA_CONTACT_POINTS, REDIS_URL, RABBITMQ_URL and SECRET_KEY; see
docs/configuration.md for these and the optional variables. SIGTERM drains and exits.

  --help       this text
  --version    the version`

await runBinary({
  name: 'api',
  about: ABOUT,
  async main(signal) {
    const config = loadConfig('api', process.env)
    // Both are required of this process; the type is that of all.
    if (config.postgres.kind === 'embedded' || config.secretKey === null) throw new Error('not configured')
    const logger = createLogger({ name: 'api', level: config.log.level })
    warnOfLimits(config, logger)
    warnOfCourier(config, logger)
    const { components } = await createApiNode({
      config,
      logger,
      databaseUrl: config.postgres.url,
      secretKey: config.secretKey,
    })
    await runComponents(components, signal, () => logger.info('ready'))
  },
})
