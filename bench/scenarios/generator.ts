import { DIALECTS } from '../client/dialects.ts'
import { seconds } from '../client/measure.ts'
import { driveRooms, openRooms } from '../client/rooms.ts'
import { startPeer } from '../peers/process.ts'
import { type BenchOptions, type Row, type Scenario, sized, timed } from '../scenario.ts'

/** From a server that does nothing but write, at as many sockets. */
async function heard(sockets: number, options: BenchOptions): Promise<Row> {
  const { warmUpSeconds, seconds: measuredSeconds } = timed(options, 5)
  const blaster = await startPeer('blaster')
  try {
    const { measure, close } = await openRooms([blaster], DIALECTS.ws, { rooms: sockets, members: 1 })
    await seconds(warmUpSeconds)
    measure.start()
    await seconds(measuredSeconds)
    measure.stop()
    close()
    const what = `frames heard at ${sockets} sockets of a server that only writes`
    return { what, perSecond: measure.deliveredPerSecond, serverCores: '', loadCores: measure.cores }
  } finally {
    await blaster.stop()
  }
}

/** Rooms of one: every send is answered to its sender and delivered to nobody. */
async function echoes(options: BenchOptions): Promise<Row> {
  const ws = await startPeer('ws')
  const rooms = { rooms: sized(100, options, 4), members: 1, senders: 1, outstanding: 8 }
  try {
    const outcome = await driveRooms([ws], DIALECTS.ws, { ...rooms, ...timed(options, 5) })
    const { sendsPerSecond: perSecond, serverCores, loadCores } = outcome
    return { what: 'echoes of a raw ws server', perSecond, serverCores, loadCores }
  } finally {
    await ws.stop()
  }
}

/** Whether the load limits what it measures: what it can take in, beside what `ws` can echo. */
export const generator: Scenario = {
  name: 'generator',
  about: 'what the load generator can hear and ask, beside a raw ws server on the other core',
  // More than the rooms' budget asks of it, with half of its core to spare.
  budgets: [{ where: { sockets: 'many' }, figure: 'perSecond', atLeast: 700_000 }],
  isPinned: true,
  run: async (options) => [
    { sockets: 'few', ...(await heard(8, options)) },
    { sockets: 'many', ...(await heard(sized(1000, options, 20), options)) },
    { sockets: 'many', ...(await echoes(options)) },
  ],
}
