import { once } from 'node:events'
import { createServer } from 'node:http'
import { Server } from 'socket.io'

/** socket.io as its documentation has it: rooms, `to().emit`, acknowledgements; sockets by WebSocket only. */
export async function serveSocketIo(): Promise<number> {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, httpCompression: false })
  io.on('connection', (socket) => {
    let room = ''
    socket.on('join', (name: string, answer: (value: object) => void) => {
      room = name
      socket.join(name)
      answer({})
    })
    socket.on('say', (text: string, answer: (value: object) => void) => {
      socket.to(room).emit('said', { text })
      answer({})
    })
  })
  http.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(http, 'listening')
  const address = http.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
