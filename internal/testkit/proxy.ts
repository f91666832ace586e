import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  port: number
  /** Breaks every connection that goes through it. */
  cut(): void
  /** Breaks every connection, and new ones at once, until accept(). */
  refuse(): void
  accept(): void
  /** Connections refused so far. */
  refused(): number
  close(): Promise<void>
}

/** A way to a TCP server that a test can break. */
export async function startProxy(target: { host: string; port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let refusing = false
  let refused = 0
  const server = createServer((client) => {
    if (refusing) {
      refused++
      client.destroy()
      return
    }
    const upstream = connect(target.port, target.host)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    cut,
    refuse: () => {
      refusing = true
      cut()
    },
    accept: () => {
      refusing = false
    },
    refused: () => refused,
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
