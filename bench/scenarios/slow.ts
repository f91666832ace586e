import { DIALECTS, type PeerName } from '../client/dialects.ts'
import { driveRooms } from '../client/rooms.ts'
import { withRatios } from '../judgement.ts'
import { startPeer } from '../peers/process.ts'
import { type BenchOptions, type Row, rounded, type Scenario, sized, timed } from '../scenario.ts'

const PEERS: readonly PeerName[] = ['ws', 'socket.io', 'realchat']
const GROUPS = 10
const MEMBERS = 20
/** So much that what the kernel takes for those who do not read (some megabytes each) is full at once. */
const TEXT_BYTES = 4000
const CASES = [
  { slow: 'nobody', of: () => 0 },
  { slow: 'one', of: () => 1 },
  { slow: '5 %', of: (groups: number) => groups },
]

/** The same load thrice at each peer: what those who never read cost, and whether the others feel it. */
async function slowConsumers(options: BenchOptions): Promise<Row[]> {
  const groups = sized(GROUPS, options, 2)
  const rows: Row[] = []
  for (const peer of PEERS) {
    const undisturbed = { bytes: 0, p99Ms: 0 }
    for (const { slow, of } of CASES) {
      const stalled = of(groups)
      const { lost, slowClosed, heldBytes, ...outcome } = await driven(peer, groups, stalled, options)
      if (stalled === 0) Object.assign(undisturbed, { bytes: heldBytes, p99Ms: outcome.deliveryP99Ms })
      rows.push({
        peer,
        slow,
        deliveriesPerSecond: outcome.deliveriesPerSecond,
        deliveryP50Ms: outcome.deliveryP50Ms,
        deliveryP99Ms: outcome.deliveryP99Ms,
        p99ToNobodySlow: rounded(outcome.deliveryP99Ms / undisturbed.p99Ms),
        megabytesPerSlow:
          stalled === 0 ? '' : rounded(Math.max(0, heldBytes - undisturbed.bytes) / 2 ** 20 / stalled),
        slowClosed: `${slowClosed} of ${stalled}`,
        othersLost: lost,
        loadCores: outcome.loadCores,
      })
    }
  }
  return CASES.flatMap(({ slow }) =>
    withRatios(
      rows.filter((row) => row['slow'] === slow),
      'deliveriesPerSecond',
    ),
  )
}

async function driven(name: PeerName, groups: number, stalled: number, options: BenchOptions) {
  const peer = await startPeer(name)
  const load = { rooms: groups, members: MEMBERS, senders: 1, outstanding: 2, textBytes: TEXT_BYTES }
  try {
    return await driveRooms([peer], DIALECTS[name], { ...load, stalled, ...timed(options, 7) })
  } finally {
    await peer.stop()
  }
}

const ours = (slow: string) => ({ peer: 'realchat', slow })

export const slow: Scenario = {
  name: 'slow',
  about: '10 groups of 20 and texts of 4,000 bytes; nobody, one, and one of each (5 %) never reads',
  budgets: [
    { where: ours('one'), figure: 'megabytesPerSlow', atMost: 2 },
    { where: ours('5 %'), figure: 'megabytesPerSlow', atMost: 2 },
    { where: ours('one'), figure: 'p99ToNobodySlow', atMost: 1.25 },
    { where: ours('5 %'), figure: 'othersLost', atMost: 0 },
  ],
  isPinned: true,
  run: slowConsumers,
}
