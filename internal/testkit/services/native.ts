import type { ProcessRecord } from './processes.ts'
import type { Addresses, ServiceName } from './state.ts'

/** A service run as a process of this machine. */
export interface NativeService<Name extends ServiceName> {
  label: string
  /** Debian packages that bring what is missing. */
  packages: string[]
  installed(): boolean
  /**
   * Starts it with its data in `folder` (empty, its own) on free ports of 127.0.0.1; resolves when it answers.
   * @param started is told of each process at once, so that a failed start leaves none behind
   */
  start(folder: string, started: (record: ProcessRecord) => void): Promise<NonNullable<Addresses[Name]>>
}
