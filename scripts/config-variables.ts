import { type Config, loadConfig, type Process } from '../internal/config/config.ts'
import { ConfigError, type Env } from '../internal/config/env.ts'

const PROCESSES: readonly Process[] = ['api', 'notifier', 'migrate', 'standalone']

/**
 * Every environment variable that the configuration of these processes reads, found by reading it: once
 * with nothing set, once with everything. `NAME_FILE` counts as NAME.
 */
export function configVariables(processes: readonly Process[] = PROCESSES): Set<string> {
  const names = new Set<string>()
  for (const process of processes) {
    for (const value of [undefined, 'x']) {
      const env: Env = new Proxy<Record<string, string | undefined>>(
        {},
        {
          get(_target, name) {
            if (String(name).endsWith('_FILE')) return undefined
            names.add(String(name))
            return value
          },
        },
      )
      read(process, env)
    }
  }
  return names
}

/** Faults do not matter here: all of them are collected after everything was read. */
function read(process: Process, env: Env): Config | undefined {
  try {
    return loadConfig(process, env)
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}
