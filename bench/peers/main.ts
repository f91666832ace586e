import { serveBlaster } from './blaster.ts'
import { serveRealchat } from './realchat.ts'
import { serveSocketIo } from './socket-io.ts'
import { serveWs } from './ws.ts'

// A peer in a process of its own: tells its port once it serves, and what it uses whenever it is asked.

const SERVE: Record<string, () => Promise<number>> = {
  realchat: serveRealchat,
  ws: serveWs,
  'socket.io': serveSocketIo,
  blaster: serveBlaster,
}

const serve = SERVE[process.argv[2] ?? '']
if (!serve) throw new Error(`no peer ${process.argv[2]}`)
process.on('message', (what) => {
  // Buffers are given back at the collection after the one that found them unused.
  if (what === 'usage at rest') for (let n = 0; n < 3; n++) globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, external } = process.memoryUsage()
  process.send?.({ rss, live: heapUsed + external, cpuSeconds: (user + system) / 1e6 })
})
process.on('disconnect', () => process.exit(0))
process.send?.({ port: await serve() })
