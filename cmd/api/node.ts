import type { Router } from 'express'
import type { Container } from 'inversify'
import { devOutboxRouter } from '../../internal/api/http/dev-outbox.ts'
import type { Config } from '../../internal/config/config.ts'
import { runComponents } from '../../internal/platform/lifecycle.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import { tellReady } from '../../internal/platform/supervisor.ts'
import { PostgresDeveloperOutbox } from '../../internal/repository/postgres/developer-outbox.ts'
import { ID } from '../compose/identifiers.ts'
import { createApiNode } from '../compose/node.ts'

/** What waits for developers in place of being sent. */
function devOutboxRouters(container: Container): Router[] {
  return [devOutboxRouter(new PostgresDeveloperOutbox(container.get(ID.pool)))]
}

/** One API node, in this process, until the signal aborts. */
export async function runNode(config: Config, logger: Logger, signal: AbortSignal): Promise<void> {
  // Both are required of this process; the type is that of all.
  if (config.postgres.kind === 'embedded' || config.secretKey === null) throw new Error('not configured')
  const { components } = await createApiNode({
    config,
    logger,
    databaseUrl: config.postgres.url,
    secretKey: config.secretKey,
    ...(config.devOutbox === 'on' && { routers: devOutboxRouters }),
  })
  await runComponents(components, signal, () => {
    logger.info('ready')
    tellReady()
  })
}
