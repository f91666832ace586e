import { loadConfig } from '../../internal/config/config.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { drainWhenTold } from '../../internal/platform/supervisor.ts'
import { warnOfCourier, warnOfDevOutbox, warnOfLimits } from '../compose/warnings.ts'
import { runNode } from './node.ts'
import { runWorkers } from './workers.ts'

const ABOUT = `Serves REST under /api/v1 and Phoenix Channels at /socket/websocket, and relays the message log.

Configured by DATABASE_URL, CASSANDRA_CONTACT_POINTS, REDIS_URL, RABBITMQ_URL and SECRET_KEY; see
docs/configuration.md for these and the optional variables. SIGTERM drains and exits.
WORKERS=n runs n of itself on the same port.

  --help       this text
  --version    the version`

await runBinary({
  name: 'api',
  about: ABOUT,
  async main(signal) {
    const config = loadConfig('api', process.env)
    const { count, number } = config.workers
    const logger = createLogger({ name: 'api', level: config.log.level })
    if (number !== null) return runNode(config, logger, drainWhenTold(signal))
    warnOfLimits(config, logger)
    warnOfCourier(config, logger)
    warnOfDevOutbox(config, logger)
    return count > 1 ? runWorkers(count, logger, signal) : runNode(config, logger, signal)
  },
})
