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
process.on('message', () => {
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send?.({ rss: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 })
})
process.on('disconnect', () => process.exit(0))
process.send?.({ port: await serve() })
