import { TestEnvironment } from 'jest-environment-node'

/**
 * Node, and after the last hook of a file what the file registered in `globalThis.realchatCleanups`: hooks
 * of the root run in the order of their definition, so a database dropped in one would be gone before the
 * file's own hooks close their connections to it.
 */
export default class extends TestEnvironment {
  async handleTestEvent(event) {
    if (event.name !== 'run_finish') return
    const cleanups = this.global.realchatCleanups ?? []
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
}
