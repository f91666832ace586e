import { type Component, pause } from './lifecycle.ts'

export interface RepeatingOptions {
  name: string
  /** Does a bounded piece of work; true when there may be more. */
  work(): Promise<boolean>
  onError(error: unknown): void
  /** Pause when there was nothing to do, or it failed, ms. */
  idleMs: number
  /** Pause between two pieces of work, so that it never takes the whole machine, ms. */
  paceMs: number
}

/** Work in the background of a process, a piece at a time, for as long as there is some. */
export function repeating({ name, work, onError, idleMs, paceMs }: RepeatingOptions): Component {
  return {
    name,
    async run(signal, ready) {
      ready()
      while (!signal.aborted) {
        let hasMore = false
        try {
          hasMore = await work()
        } catch (error) {
          onError(error)
        }
        await pause(hasMore ? paceMs : idleMs, signal)
      }
    },
  }
}
