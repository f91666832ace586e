import { type Measure, percentile } from '../client/measure.ts'
import {
  type BenchOptions,
  type Budget,
  type Row,
  rounded,
  type Scenario,
  sized,
  timed,
} from '../scenario.ts'
import { type Backlog, drained } from '../service/backlog.ts'
import { closePairs, driveSends, openPairs, type Pair, type SendLoad } from '../service/pairs.ts'
import { on, type Stack, startFullStack, startStandalone } from '../service/stack.ts'

const PAIRS = 100
const LOADS = [
  { name: '500 sends/s', rate: 500 },
  { name: '3,000 sends/s', rate: 3000 },
  { name: '4 outstanding each', outstanding: 4 },
]
/** Later than that nobody calls it an answer. */
const USEFUL_MS = 1000

function rowOf(load: string, measure: Measure, { after, perSecond }: Backlog): Row {
  return {
    load,
    askedPerSecond: measure.askedPerSecond,
    acknowledgedPerSecond: measure.acknowledgedPerSecond,
    deliveredPerSecond: measure.deliveredPerSecond,
    refused: measure.refused,
    failed: measure.failed,
    p50Ms: measure.percentile(0.5),
    p99Ms: measure.percentile(0.99),
    loadLateP99Ms: percentile(measure.lateMs, 0.99),
    backlog: after,
    /** What the relay fell behind by, of what was acknowledged: a lane keeps up while this stays about 0. */
    backlogGrowth: rounded(perSecond / measure.acknowledgedPerSecond, 3),
  }
}

async function driven(stack: Stack, pairs: readonly Pair[], name: string, load: SendLoad) {
  const { measure, backlog } = await driveSends(stack, pairs, load)
  const row = { ...rowOf(name, measure, backlog), drainedSeconds: await drained(stack) }
  return { measure, row }
}

/** The lightest first: a load leaves events behind that the notifier works on during the next one. */
async function sends(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  const pairs = await openPairs(stack, sized(PAIRS, options, 4))
  for (const { name, ...load } of LOADS) {
    rows.push((await driven(stack, pairs, name, { ...load, ...timed(options) })).row)
  }
  closePairs(pairs)
  return rows
}

/**
 * What is still answered when twice as much is asked as can be done. A socket that pushes without waiting is not read on,
 * so that what it asked beyond what can be done waits with the client: that is in its latency.
 */
async function overload(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const pairs = await openPairs(stack, sized(PAIRS, options, 4))
  const rows: Row[] = []
  let peak = 0
  for (const outstanding of [4, 8, 16]) {
    const load = { outstanding, ...timed(options, 6) }
    const { measure, row } = await driven(stack, pairs, `${outstanding} outstanding each`, load)
    rows.push({ ...row, usefulPerSecond: measure.acknowledgedWithin(USEFUL_MS), ofPeak: '' })
    peak = Math.max(peak, measure.acknowledgedPerSecond)
  }
  const twice = await driven(stack, pairs, 'twice the peak', { rate: 2 * peak, ...timed(options) })
  closePairs(pairs)
  const { measure } = twice
  const ofPeak = rounded(measure.acknowledgedPerSecond / peak)
  return [...rows, { ...twice.row, usefulPerSecond: measure.acknowledgedWithin(USEFUL_MS), ofPeak }]
}

const [slowly, quickly, closed] = LOADS.map(({ name }) => ({ load: name }))
const keptUp = LOADS.map(
  ({ name }): Budget => ({ where: { load: name }, figure: 'backlogGrowth', atMost: 0.02 }),
)

export const sendScenarios: readonly Scenario[] = [
  {
    name: 'sends',
    about: '100 direct pairs at the standalone server: open loops, then 4 outstanding each',
    budgets: [
      { where: { ...slowly }, figure: 'p50Ms', atMost: 1.5 },
      { where: { ...slowly }, figure: 'p99Ms', atMost: 6 },
      { where: { ...quickly }, figure: 'p50Ms', atMost: 3 },
      { where: { ...closed }, figure: 'acknowledgedPerSecond', atLeast: 15_000 },
      ...keptUp,
    ],
    run: on(startStandalone, sends),
  },
  {
    name: 'sends-full',
    about: 'the same at API and notifier over PostgreSQL, Cassandra, Redis and RabbitMQ',
    budgets: [
      { where: { ...quickly }, figure: 'p50Ms', atMost: 3 },
      { where: { ...quickly }, figure: 'p99Ms', atMost: 25 },
      { where: { ...closed }, figure: 'acknowledgedPerSecond', atLeast: 10_000 },
      ...keptUp,
    ],
    run: on(startFullStack, sends),
  },
  {
    name: 'overload',
    about: 'twice the load that the full stack can bear: what is still acknowledged, of the peak',
    budgets: [{ where: { load: 'twice the peak' }, figure: 'ofPeak', atLeast: 0.8 }],
    run: on(startFullStack, overload),
  },
]
