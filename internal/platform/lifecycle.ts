/**
 * The one shape of everything that lives as long as the process: servers, consumers, followers, timers.
 *
 * `run` resolves when the part has drained, which it begins to do when `signal` aborts; it calls `ready`
 * once it can do its work. A rejection means that the process cannot go on.
 */
export interface Component {
  readonly name: string
  run(signal: AbortSignal, ready: () => void): Promise<void>
}

interface Started {
  component: Component
  controller: AbortController
  drained: Promise<void>
}

/**
 * Starts components one after another, each when its predecessor is ready; on abort drains them in the
 * opposite order. Rejects with the first failure, after the others have drained.
 */
export async function runComponents(
  components: readonly Component[],
  signal: AbortSignal,
  onReady: () => void = () => {},
): Promise<void> {
  const started: Started[] = []
  const failures: unknown[] = []
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])

  for (const component of components) {
    if (stop.aborted) break
    const controller = new AbortController()
    const ready = Promise.withResolvers<void>()
    const drained = component.run(controller.signal, ready.resolve).catch((error: unknown) => {
      failures.push(error)
      failed.abort()
    })
    started.push({ component, controller, drained })
    await Promise.race([ready.promise, drained, aborted(stop)])
  }
  if (!stop.aborted) onReady()
  await aborted(stop)
  for (const { controller, drained } of started.reverse()) {
    controller.abort()
    await drained
  }
  if (failures.length > 0) throw failures[0]
}

/** A component that only has something to do at the end: `work` runs when all that was started after it has drained. */
export function atDrain(name: string, work: () => void | Promise<void>): Component {
  return {
    name,
    async run(signal, ready) {
      ready()
      await aborted(signal)
      await work()
    },
  }
}

/** Resolves when the signal aborts; at once when it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
