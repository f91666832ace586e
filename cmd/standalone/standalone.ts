import type { Container } from 'inversify'
import { devOutboxRouter } from '../../internal/api/http/dev-outbox.ts'
import type { Config } from '../../internal/config/config.ts'
import { digestMeasure } from '../../internal/notifier/digest/measures.ts'
import { Measures } from '../../internal/notifier/measures.ts'
import { aborted, type Component, runComponents } from '../../internal/platform/lifecycle.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import { OperatorError } from '../../internal/platform/operator-error.ts'
import { PostgresDeveloperOutbox } from '../../internal/repository/postgres/developer-outbox.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../internal/repository/postgres/embedded.ts'
import { migratePostgres } from '../../internal/repository/postgres/migrator.ts'
import { ID } from '../compose/identifiers.ts'
import { createApiNode } from '../compose/node.ts'
import { composeNotifier } from '../compose/notifier.ts'
import { seed } from '../compose/seed.ts'
import { secretKeyIn } from './secret-key.ts'

/** Starts PostgreSQL where none is configured, migrates, serves until the signal aborts, and stops it again. */
export async function runStandalone(config: Config, logger: Logger, signal: AbortSignal): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  if (config.postgres.kind === 'external') {
    return serve({ config, logger, databaseUrl: config.postgres.url, signal, say, watch: null })
  }
  say(`Starting PostgreSQL in ${config.dataDir} ...`)
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, logger })
  try {
    await serve({ config, logger, databaseUrl: embedded.url, signal, say, watch: embedded })
  } finally {
    await embedded.stop()
  }
}

interface Serving {
  config: Config
  logger: Logger
  databaseUrl: string
  signal: AbortSignal
  say(line: string): void
  watch: EmbeddedPostgres | null
}

async function serve({ config, logger, databaseUrl, signal, say, watch }: Serving): Promise<void> {
  await migratePostgres(databaseUrl)
  const secretKey = config.secretKey ?? secretKeyIn(config.dataDir)
  const node = await createApiNode({
    config,
    logger,
    databaseUrl,
    secretKey,
    routers: (container) => [devOutboxRouter(new PostgresDeveloperOutbox(container.get(ID.pool)))],
    workers: notifierOf,
  })
  const components = watch ? [postgresComponent(watch), ...node.components] : node.components
  const { publicUrl } = config.http
  await runComponents(components, signal, () => {
    const seeded = config.demo ? seed(node.container).then((lines) => lines.forEach(say)) : Promise.resolve()
    seeded.catch((error: unknown) => logger.error({ err: error }, 'the samples could not be added'))
    logger.info('ready')
    say(`RealChat is at ${publicUrl} (documentation: ${publicUrl}/docs, sockets: /socket/websocket)`)
    const unsent = unsentBy(config)
    if (unsent) say(`${unsent} are not sent but shown at ${publicUrl}/dev/outbox`)
    say(`Ctrl-C stops it${watch ? `; the data stays in ${config.dataDir}` : ''}`)
  })
}

/** What has no carrier and stays here, as the start of a sentence; null when everything is sent. */
function unsentBy({ mail, sms, push }: Config): string | null {
  const kinds = [
    ...(mail.kind === 'outbox' ? ['mails'] : []),
    ...(sms.kind === 'outbox' ? ['text messages'] : []),
    ...(push.kind === 'outbox' ? ['pushes'] : []),
  ]
  if (kinds.length === 0) return null
  return new Intl.ListFormat('en-GB').format(kinds).replace(/^./, (letter) => letter.toUpperCase())
}

/** The notifier, in this process. */
function notifierOf(container: Container): Component[] {
  return composeNotifier({
    pool: container.get(ID.pool),
    logPool: container.get(ID.logPool),
    consumer: container.get(ID.consumer),
    presence: container.get(ID.presence),
    observer: new Measures(container.get(ID.metrics).registry),
    observeDigest: digestMeasure(container.get(ID.metrics).registry),
    push: container.get(ID.config).push,
    mail: container.get(ID.config).mail,
    publicUrl: container.get(ID.config).http.publicUrl,
    clock: container.get(ID.clock),
    logger: container.get(ID.logger),
    report: (error) => container.get(ID.tracking).report(error),
  })
}

/** The database's unasked end is the process's. */
function postgresComponent(embedded: EmbeddedPostgres): Component {
  return {
    name: 'postgres',
    async run(signal, ready) {
      ready()
      const reason = await Promise.race([embedded.ended, aborted(signal).then(() => null)])
      if (reason !== null) throw new OperatorError(`PostgreSQL ended: ${reason}`)
    },
  }
}
