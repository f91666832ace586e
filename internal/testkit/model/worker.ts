import { parentPort } from 'node:worker_threads'
import { counterexample } from './counterexample.ts'
import type { Rules } from './rules.ts'
import type { Faults } from './world.ts'

// Runs the model apart from the test runner, whose globals are slow and not to be replaced.
parentPort?.on('message', (asked: { rules: Rules; seeds: number; faults: Faults }) => {
  void counterexample(asked.rules, asked.seeds, asked.faults).then((found) => parentPort?.postMessage(found))
})
