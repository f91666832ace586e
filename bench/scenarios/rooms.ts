import { availableServices } from '../../internal/testkit/services/state.ts'
import { DIALECTS, type PeerName } from '../client/dialects.ts'
import { driveRooms, type RoomsLoad } from '../client/rooms.ts'
import { type Peer, startPeer } from '../peers/process.ts'
import { type BenchOptions, type Row, type Scenario, sized, timed } from '../scenario.ts'

const PEERS: readonly PeerName[] = ['ws', 'socket.io', 'realchat']

type Shape = Omit<RoomsLoad, 'warmUpSeconds' | 'seconds'>

/** The same rooms and the same load at every peer, one after another, each with the first core to itself. */
function compared(name: string, about: string, shapeOf: (options: BenchOptions) => Shape): Scenario {
  return {
    name,
    about,
    isPinned: true,
    run: async (options) => {
      const rows: Row[] = []
      for (const peer of PEERS) {
        const load = { ...shapeOf(options), ...timed(options) }
        rows.push(await measured(peer, [await startPeer(peer)], load))
      }
      return withRatios(rows)
    },
  }
}

async function measured(name: PeerName, peers: Peer[], load: RoomsLoad): Promise<Row> {
  try {
    const before = await usageOf(peers)
    const outcome = await driveRooms(
      peers.map(({ port }) => port),
      DIALECTS[name],
      load,
    )
    const after = await usageOf(peers)
    const cpuSeconds = Number((after.cpuSeconds - before.cpuSeconds).toFixed(1))
    return { peer: name, processes: peers.length, ...outcome, serverCpuSeconds: cpuSeconds }
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()))
  }
}

async function usageOf(peers: readonly Peer[]) {
  const usages = await Promise.all(peers.map((peer) => peer.usage()))
  return {
    rss: usages.reduce((sum, { rss }) => sum + rss, 0),
    cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  }
}

/** Each figure also as a multiple of the raw `ws` ceiling and of socket.io, in the same run. */
function withRatios(rows: readonly Row[]): Row[] {
  const of = (peer: string) => Number(rows.find((row) => row['peer'] === peer)?.['deliveriesPerSecond'] ?? 0)
  return rows.map((row) => ({
    ...row,
    toWs: Number((Number(row['deliveriesPerSecond']) / of('ws')).toFixed(2)),
    toSocketIo: Number((Number(row['deliveriesPerSecond']) / of('socket.io')).toFixed(2)),
  }))
}

const pairs = compared('pairs', '100 direct pairs, one sends with 4 outstanding', (options) => ({
  rooms: sized(100, options, 4),
  members: 2,
  senders: 1,
  outstanding: 4,
}))

const groups = compared('groups', '100 groups of 10, one of each sends with 2 outstanding', (options) => ({
  rooms: sized(100, options, 4),
  members: 10,
  senders: 1,
  outstanding: 2,
}))

const hotRoom = compared('room-1000', 'one room of 1,000; 4 send with 2 outstanding', (options) => ({
  rooms: 1,
  members: sized(1000, options, 20),
  senders: 4,
  outstanding: 2,
}))

const slow = compared('slow', '50 groups of 20 of which one never reads (5 %)', (options) => ({
  rooms: sized(50, options, 2),
  members: 20,
  senders: 1,
  outstanding: 2,
  stalled: 0.05,
}))

const hugeRoom: Scenario = {
  name: 'room-10000',
  about: 'one room of 10,000 over two processes and Redis; 4 send with one outstanding',
  isPinned: true,
  run: async (options) => {
    const url = availableServices().redis?.url
    if (!url) throw new Error('no Redis: run "npm run services" first')
    const members = sized(10_000, options, 40)
    const load = { rooms: 1, members, senders: 4, outstanding: 1, ...timed(options) }
    const env = { REDIS_URL: url }
    return [
      await measured('realchat', [await startPeer('realchat', env), await startPeer('realchat', env)], load),
    ]
  },
}

export const roomScenarios: readonly Scenario[] = [pairs, groups, hotRoom, hugeRoom, slow]
