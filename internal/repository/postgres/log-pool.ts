import type pg from 'pg'
import { createPool } from './database.ts'

const QUERY_TIMEOUT_MS = 2000

/**
 * Connections of the log. Plans that were cached while a day's partition was empty scan it for ever, so the
 * planner is kept to the indexes; every new connection first makes sure of the cluster's era.
 */
export function createLogPool(url: string, applicationName: string, max = 10): pg.Pool {
  return createPool({
    url,
    max,
    applicationName: `${applicationName}:log`,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    onConnect: async (client) => {
      await client.query('select ensure_era()')
    },
    settings: {
      enable_seqscan: 'off',
      enable_hashjoin: 'off',
      enable_mergejoin: 'off',
      // Plans made this way look costly to the planner, and compiling one takes seconds.
      jit: 'off',
      // Planning anew for each batch took longer than running it.
      plan_cache_mode: 'force_generic_plan',
      synchronous_commit: 'on',
    },
  })
}
