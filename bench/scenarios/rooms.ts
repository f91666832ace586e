import { availableServices } from '../../internal/testkit/services/state.ts'
import { DIALECTS, type PeerName } from '../client/dialects.ts'
import { driveRooms, type RoomsLoad } from '../client/rooms.ts'
import { withRatios } from '../judgement.ts'
import { type Peer, startPeer } from '../peers/process.ts'
import { type BenchOptions, type Budget, type Row, type Scenario, sized, timed } from '../scenario.ts'

const PEERS: readonly PeerName[] = ['ws', 'socket.io', 'realchat']
const OURS = { peer: 'realchat' }

type Shape = Omit<RoomsLoad, 'warmUpSeconds' | 'seconds' | 'stalled'>

/** The same rooms and the same load at every peer, one after another, each with the first core to itself. */
function compared(
  name: string,
  about: string,
  budgets: readonly Budget[],
  shapeOf: (options: BenchOptions) => Shape,
): Scenario {
  return {
    name,
    about,
    budgets,
    isPinned: true,
    run: async (options) => {
      const rows: Row[] = []
      for (const peer of PEERS) {
        rows.push(await measured(peer, [await startPeer(peer)], { ...shapeOf(options), ...timed(options) }))
      }
      return withRatios(rows, 'deliveriesPerSecond')
    },
  }
}

async function measured(name: PeerName, peers: Peer[], load: RoomsLoad): Promise<Row> {
  try {
    const { slowClosed, heldBytes, ...outcome } = await driveRooms(peers, DIALECTS[name], load)
    return { peer: name, processes: peers.length, ...outcome }
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()))
  }
}

const pairs = compared('pairs', '100 direct pairs, one sends with 4 outstanding', [], (options) => ({
  rooms: sized(100, options, 4),
  members: 2,
  senders: 1,
  outstanding: 4,
}))

const groups = compared(
  'groups',
  '100 groups of 10, one of each sends with 2 outstanding',
  [
    { where: OURS, figure: 'deliveriesPerSecond', atLeast: 100_000 },
    { where: OURS, figure: 'toSocketIo', atLeast: 1.5 },
  ],
  (options) => ({ rooms: sized(100, options, 4), members: 10, senders: 1, outstanding: 2 }),
)

const hotRoom = compared(
  'room-1000',
  'one room of 1,000; 4 send with 2 outstanding',
  [
    { where: OURS, figure: 'deliveriesPerSecond', atLeast: 350_000 },
    { where: OURS, figure: 'toSocketIo', atLeast: 3 },
  ],
  (options) => ({ rooms: 1, members: sized(1000, options, 20), senders: 4, outstanding: 2 }),
)

/** The peers have no bus between processes without further packages: they have the core for one process. */
const hugeRoom: Scenario = {
  name: 'room-10000',
  about: 'one room of 10,000 over two processes and Redis, the peers in one; 4 send with one outstanding',
  budgets: [{ where: OURS, figure: 'toSocketIo', atLeast: 3 }],
  isPinned: true,
  run: async (options) => {
    const url = availableServices().redis?.url
    if (!url) throw new Error('no Redis: run "npm run services" first')
    const members = sized(10_000, options, 40)
    const load = { rooms: 1, members, senders: 4, outstanding: 1, ...timed(options) }
    const env = { REDIS_URL: url }
    const ours = [await startPeer('realchat', env), await startPeer('realchat', env)]
    const rows = [await measured('realchat', ours, load)]
    for (const peer of ['ws', 'socket.io'] as const) {
      rows.push(await measured(peer, [await startPeer(peer)], load))
    }
    return withRatios(rows, 'deliveriesPerSecond')
  },
}

export const roomScenarios: readonly Scenario[] = [pairs, groups, hotRoom, hugeRoom]
