import { loadConfig } from '../../internal/config/config.ts'
import { runBinary } from '../../internal/platform/cli.ts'
import { createLogger, type Logger } from '../../internal/platform/logger.ts'
import { plainLines } from '../../internal/platform/plain-lines.ts'
import { warnOfLimits } from '../compose/warnings.ts'
import { runStandalone } from './standalone.ts'

const ABOUT = `The whole service in one process: API and notifier, with PostgreSQL embedded and everything else inside.
Data stays in DATA_DIR (.data). A store whose variable is set is used instead of the embedded one.

Warnings and errors are said in plain words; with LOG_LEVEL set, the log is JSON lines.

  --demo       adds sample users and history to an empty server
  --help       this text
  --version    the version`

await runBinary({
  name: 'standalone',
  about: ABOUT,
  flags: ['--demo'],
  async main(signal, args) {
    const config = { ...loadConfig('standalone', process.env), demo: args.includes('--demo') }
    const logger = process.env['LOG_LEVEL']
      ? createLogger({ name: 'standalone', level: config.log.level })
      : plainLogger()
    warnOfLimits(config, logger)
    await runStandalone(config, logger, signal)
  },
})

/** For whoever sits at the terminal, until a LOG_LEVEL asks for more. */
function plainLogger(): Logger {
  const destination = plainLines((text) => process.stdout.write(text))
  return createLogger({ name: 'standalone', level: 'warn', destination })
}
