import { DIALECTS, type PeerName } from '../client/dialects.ts'
import { percentile, seconds } from '../client/measure.ts'
import { openRooms } from '../client/rooms.ts'
import { withRatios } from '../judgement.ts'
import { startPeer } from '../peers/process.ts'
import { type BenchOptions, type Budget, type Row, rounded, type Scenario, sized } from '../scenario.ts'

const PEERS: readonly PeerName[] = ['ws', 'socket.io', 'realchat']
const OURS = { peer: 'realchat' }

/** Opens as many connections, each joined to a room of its own; answers what that took. */
export async function opened(name: PeerName, count: number, restSeconds: number): Promise<Row> {
  const peer = await startPeer(name)
  try {
    // Once round first: code is loaded and compiled, buffers are there.
    const first = await openRooms([peer], DIALECTS[name], { rooms: Math.ceil(count / 20), members: 1 })
    first.close()
    await seconds(1)
    const before = await peer.usageAtRest()
    const began = performance.now()
    const { close, openMs } = await openRooms([peer], DIALECTS[name], { rooms: count, members: 1 })
    const took = (performance.now() - began) / 1000
    const { cpuSeconds } = await peer.usage()
    await seconds(restSeconds)
    const after = await peer.usageAtRest()
    close()
    return {
      peer: name,
      connections: count,
      perSecond: Math.round(count / took),
      p50Ms: percentile(openMs, 0.5),
      p99Ms: percentile(openMs, 0.99),
      cpuMsEach: rounded(((cpuSeconds - before.cpuSeconds) * 1000) / count, 3),
      kilobytesEach: rounded((after.rss - before.rss) / 1024 / count, 1),
      liveKilobytesEach: rounded((after.live - before.live) / 1024 / count, 1),
    }
  } finally {
    await peer.stop()
  }
}

interface Comparison {
  name: string
  about: string
  budgets: readonly Budget[]
  count: number
  restSeconds: number
  /** What the ratios are of. */
  figure: string
}

function compared({ name, about, budgets, count, restSeconds, figure }: Comparison): Scenario {
  return {
    name,
    about,
    budgets,
    isPinned: true,
    run: async (options: BenchOptions) => {
      const rest = options.smoke ? 0.5 : restSeconds
      const rows: Row[] = []
      for (const peer of PEERS) rows.push(await opened(peer, sized(count, options), rest))
      return withRatios(rows, figure)
    },
  }
}

export const idleScenarios: readonly Scenario[] = [
  compared({
    name: 'idle',
    about: 'memory of 15,000 idle connections, each joined to a topic',
    budgets: [
      { where: OURS, figure: 'kilobytesEach', atMost: 10 },
      { where: OURS, figure: 'toSocketIo', atMost: 0.55 },
    ],
    count: 15_000,
    restSeconds: 10,
    figure: 'kilobytesEach',
  }),
  compared({
    name: 'connect',
    about: 'a storm of 5,000 connections that join, 100 at once',
    budgets: [{ where: OURS, figure: 'toSocketIo', atLeast: 1 }],
    count: 5000,
    restSeconds: 0,
    figure: 'perSecond',
  }),
]
