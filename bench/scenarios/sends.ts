import type { Measure } from '../client/measure.ts'
import { type BenchOptions, type Row, type Scenario, sized, timed } from '../scenario.ts'
import { closePairs, driveSends, openPairs } from '../service/pairs.ts'
import { type Stack, startFullStack, startStandalone } from '../service/stack.ts'

const PAIRS = 100

function rowOf(load: string, measure: Measure): Row {
  return {
    load,
    acknowledgedPerSecond: measure.acknowledgedPerSecond,
    deliveredPerSecond: measure.deliveredPerSecond,
    refused: measure.failed,
    p50Ms: measure.percentile(0.5),
    p99Ms: measure.percentile(0.99),
  }
}

/** The lightest first: a load leaves events behind that the notifier works on during the next one. */
async function sends(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  const pairs = await openPairs(stack, sized(PAIRS, options, 4))
  const loads = [
    { name: '500 sends/s', rate: 500 },
    { name: '3,000 sends/s', rate: 3000 },
    { name: '4 outstanding each', outstanding: 4 },
  ]
  for (const { name, ...load } of loads) {
    const measure = await driveSends(pairs, { ...load, ...timed(options) })
    rows.push({ ...rowOf(name, measure), backlog: await stack.backlog() })
  }
  closePairs(pairs)
  return rows
}

/** What is still answered when twice as much is asked as can be done. */
async function overload(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const pairs = await openPairs(stack, sized(PAIRS, options, 4))
  const peak = await driveSends(pairs, { outstanding: 8, ...timed(options) })
  const twice = 2 * peak.acknowledgedPerSecond
  const over = await driveSends(pairs, { rate: twice, ...timed(options) })
  closePairs(pairs)
  const goodput = over.acknowledgedPerSecond / peak.acknowledgedPerSecond
  return [
    rowOf('peak, 8 outstanding each', peak),
    { ...rowOf(`open loop at ${twice}/s`, over), ofPeak: Number(goodput.toFixed(2)) },
  ]
}

function on(start: () => Promise<Stack>, work: (stack: Stack, options: BenchOptions) => Promise<Row[]>) {
  return async (options: BenchOptions) => {
    const stack = await start()
    try {
      return await work(stack, options)
    } finally {
      await stack.stop()
    }
  }
}

export const sendScenarios: readonly Scenario[] = [
  {
    name: 'sends',
    about: '100 direct pairs at the standalone server: open loops, then 4 outstanding each',
    run: on(startStandalone, sends),
  },
  {
    name: 'sends-full',
    about: 'the same at API and notifier over PostgreSQL, Cassandra, Redis and RabbitMQ',
    run: on(startFullStack, sends),
  },
  {
    name: 'overload',
    about: 'twice the load that the full stack can bear: what is still acknowledged, of the peak',
    run: on(startFullStack, overload),
  },
]
