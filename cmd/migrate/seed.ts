import type { Config } from '../../internal/config/config.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { OperatorError } from '../../internal/platform/operator-error.ts'
import { ID } from '../compose/identifiers.ts'
import { createApiNode } from '../compose/node.ts'
import { seed } from '../compose/seed.ts'

/** Adds the samples by the API's own services; API nodes, when they run, archive and announce them. */
export async function seedCluster(
  config: Config,
  databaseUrl: string,
  say: (line: string) => void,
): Promise<void> {
  if (config.secretKey === null) throw new OperatorError("SECRET_KEY is required to seed: the API nodes' own")
  const logger = createLogger({ name: 'seed', level: 'warn' })
  const { container } = await createApiNode({ config, logger, databaseUrl, secretKey: config.secretKey })
  try {
    for (const line of await seed(container)) say(line)
    await container.get(ID.pointerCommits).drained()
  } finally {
    await Promise.all(container.get(ID.dependencies).map((dependency) => dependency.close()))
  }
}
