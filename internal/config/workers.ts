import type { EnvReader } from './env.ts'

export interface WorkersConfig {
  /** API processes that share the port; 1 is this process alone. */
  count: number
  /** Which of them this process is, from 1; null in the one that starts them, and without any. */
  number: number | null
  /** Where this process serves health and metrics of its own, beside the shared port; null is nowhere. */
  operationsPort: number | null
}

const WORKERS_MAX = 256

/** WORKERS, and what the process that starts them tells each by WORKER. */
export function workers(reader: EnvReader, process: string, port: number): WorkersConfig {
  const none = { count: 1, number: null, operationsPort: null }
  if (process !== 'api' && process !== 'standalone') return none
  const count = reader.integer('WORKERS', 1, { min: 1, max: WORKERS_MAX })
  const first = reader.integer('OPERATIONS_PORT', 0, { max: 65_536 - count })
  const number = reader.integer('WORKER', 0, { max: count })
  if (process === 'standalone') {
    if (count > 1) {
      const instead = 'run cmd/api, with REDIS_URL and the other stores'
      reader.fault('WORKERS', `must be 1 in standalone, whose bus is inside its process; ${instead}`)
    }
    return none
  }
  if (count > 1 && port === 0) reader.fault('PORT', 'must name a port that WORKERS processes can share')
  return {
    count,
    number: count > 1 && number > 0 ? number : null,
    operationsPort: first === 0 ? null : first + Math.max(number, 1) - 1,
  }
}
