import { loadConfig } from '../../internal/config/config.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { warnOfLimits } from '../compose/warnings.ts'
import { runStandalone } from './standalone.ts'

const ABOUT = `The whole service in one process: API and notifier, with PostgreSQL embedded and everything else inside.
Data stays in DATA_DIR (.data). A store whose variable is set is used instead of the embedded one.

  --demo       adds sample users and history to an empty server
  --help       this text
  --version    the version`

await runBinary({
  name: 'standalone',
  about: ABOUT,
  flags: ['--demo'],
  async main(signal, args) {
    const config = { ...loadConfig('standalone', process.env), demo: args.includes('--demo') }
    const logger = createLogger({
      name: 'standalone',
      level: process.env['LOG_LEVEL'] ? config.log.level : 'warn',
    })
    warnOfLimits(config, logger)
    await runStandalone(config, logger, signal)
  },
})
