import { loadConfig } from '../../internal/config/config.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { runComponents } from '../../internal/platform/lifecycle.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { warnOfPush } from '../compose/warnings.ts'
import { createNotifierNode } from './node.ts'

const ABOUT = `Consumes chat events and sends push notifications. Any number may run at once.

Configured by DATABASE_URL, CASSANDRA_CONTACT_POINTS, REDIS_URL and RABBITMQ_URL; pushes are sent with
FIREBASE_PROJECT_ID and FIREBASE_SERVICE_ACCOUNT. Health and metrics are served on PORT. See
docs/configuration.md. SIGTERM finishes what is held and exits.

  --help       this text
  --version    the version`

await runBinary({
  name: 'notifier',
  about: ABOUT,
  async main(signal) {
    const config = loadConfig('notifier', process.env)
    const logger = createLogger({ name: 'notifier', level: config.log.level })
    warnOfPush(config, logger)
    const components = await createNotifierNode(config, logger)
    await runComponents(components, signal, () => logger.info('ready'))
  },
})
