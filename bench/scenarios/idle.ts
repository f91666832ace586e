import { DIALECTS, type PeerName } from '../client/dialects.ts'
import { openRooms } from '../client/rooms.ts'
import { startPeer } from '../peers/process.ts'
import { type BenchOptions, type Row, type Scenario, sized } from '../scenario.ts'

const PEERS: readonly PeerName[] = ['ws', 'socket.io', 'realchat']

/** Opens as many connections, each joined to a room of its own; answers what that took. */
async function opened(name: PeerName, count: number): Promise<Row> {
  const peer = await startPeer(name)
  try {
    const before = await peer.usage()
    const began = performance.now()
    const load = { rooms: count, members: 1, senders: 0, outstanding: 0, warmUpSeconds: 0, seconds: 0 }
    const { close } = await openRooms([peer.port], DIALECTS[name], load)
    const seconds = (performance.now() - began) / 1000
    const after = await peer.usage()
    close()
    return {
      peer: name,
      connections: count,
      perSecond: Math.round(count / seconds),
      cpuMsEach: Number((((after.cpuSeconds - before.cpuSeconds) * 1000) / count).toFixed(3)),
      kilobytesEach: Number(((after.rss - before.rss) / 1024 / count).toFixed(1)),
    }
  } finally {
    await peer.stop()
  }
}

function compared(name: string, about: string, count: number): Scenario {
  return {
    name,
    about,
    isPinned: true,
    run: async (options: BenchOptions) => {
      const rows: Row[] = []
      for (const peer of PEERS) rows.push(await opened(peer, sized(count, options)))
      return rows
    },
  }
}

export const idleScenarios: readonly Scenario[] = [
  compared('idle', 'memory of 15,000 idle connections, each joined to a topic', 15_000),
  compared('connect', 'a storm of 5,000 connections that join, 100 at once', 5000),
]
