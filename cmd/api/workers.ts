import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { Logger } from '../../internal/platform/logger.ts'
import { Supervisor } from '../../internal/platform/supervisor.ts'

/** As many API nodes as asked for on one port, each a process; drains all when the signal aborts. */
export function runWorkers(count: number, logger: Logger, signal: AbortSignal): Promise<void> {
  const main = process.argv[1] ?? join(import.meta.dirname, 'main.ts')
  const supervisor = new Supervisor({
    count,
    logger,
    start: (number) => fork(main, { env: { ...process.env, WORKER: String(number) } }),
  })
  return supervisor.run(signal, () => logger.info({ workers: count }, 'all workers ready'))
}
