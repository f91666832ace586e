import type { Container } from 'inversify'
import { PostgresSync } from '../../internal/repository/postgres/sync.ts'
import { Sync } from '../../internal/service/sync/sync.ts'
import { ID } from './identifiers.ts'

/** Binds what catches clients up over many conversations. */
export function bindSync(container: Container): void {
  container
    .bind(ID.sync)
    .toResolvedValue(
      (pool, history) => new Sync({ store: new PostgresSync(pool), history }),
      [ID.logPool, ID.history],
    )
    .inSingletonScope()
}
