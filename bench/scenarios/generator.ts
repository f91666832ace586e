import { DIALECTS } from '../client/dialects.ts'
import { seconds } from '../client/measure.ts'
import { driveRooms, openRooms } from '../client/rooms.ts'
import { startPeer } from '../peers/process.ts'
import { type Scenario, sized, timed } from '../scenario.ts'

/** Whether the load limits what it measures: what it can take in, beside what `ws` can echo. */
export const generator: Scenario = {
  name: 'generator',
  about: 'what the load generator can hear and ask, beside a raw ws server on the other core',
  isPinned: true,
  run: async (options) => {
    const idle = { outstanding: 0, senders: 0, ...timed(options, 5) }
    const blaster = await startPeer('blaster')
    const heard = await openRooms([blaster.port], DIALECTS.ws, { ...idle, rooms: 8, members: 1 })
    await seconds(idle.warmUpSeconds)
    heard.measure.start()
    await seconds(idle.seconds)
    heard.measure.stop()
    heard.close()
    await blaster.stop()
    const ws = await startPeer('ws')
    // Rooms of one: every send is answered to its sender and delivered to nobody.
    const load = { ...idle, rooms: sized(100, options, 4), members: 1, senders: 1, outstanding: 8 }
    const before = process.cpuUsage()
    const echo = await driveRooms([ws.port], DIALECTS.ws, load)
    const { user, system } = process.cpuUsage(before)
    await ws.stop()
    return [
      { what: 'frames heard from a server that does nothing', perSecond: heard.measure.deliveredPerSecond },
      {
        what: 'echoes of a raw ws server',
        perSecond: echo.sendsPerSecond,
        cpuOfTheLoad: Number(((user + system) / 1e6 / (load.warmUpSeconds + load.seconds)).toFixed(2)),
      },
    ]
  },
}
