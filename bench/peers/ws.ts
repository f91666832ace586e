import { once } from 'node:events'
import { type WebSocket, WebSocketServer } from 'ws'

const LETTER_J = 0x6a

/** What `ws` alone can do: rooms as sets, `send` for each member, nothing parsed. */
export async function serveWs(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, backlog: 4096 })
  await once(server, 'listening')
  const rooms = new Map<string, Set<WebSocket>>()
  server.on('connection', (socket) => {
    let members = new Set<WebSocket>()
    socket.on('message', (data: Buffer) => {
      const text = data.toString()
      if (text.charCodeAt(0) === LETTER_J) {
        members = rooms.get(text) ?? members
        rooms.set(text, members.add(socket))
        socket.send('j')
        return
      }
      const ref = text.slice(1, text.indexOf(' '))
      const delivery = Buffer.from(`d${text}`)
      for (const member of members) if (member !== socket) member.send(delivery, { binary: false })
      socket.send(`r${ref}`)
    })
    socket.on('error', () => socket.terminate())
    socket.on('close', () => members.delete(socket))
  })
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
