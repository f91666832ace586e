import { once } from 'node:events'
import { createServer } from 'node:net'

const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
const FRAMES = 256

/** No server at all: after the upgrade the same frames for ever, as fast as they are read. For the generator. */
export async function serveBlaster(): Promise<number> {
  const payload = Buffer.from(`d${'x'.repeat(160)}`)
  const frame = Buffer.concat([Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]), payload])
  const many = Buffer.concat(Array.from({ length: FRAMES }, () => frame))
  const server = createServer((socket) => {
    const pour = () => {
      while (socket.write(many));
    }
    socket.on('error', () => socket.destroy())
    socket.once('data', () => {
      socket.write(ACCEPTED)
      // Its join.
      socket.once('data', () => {
        socket.write(Buffer.from([0x81, 1, 0x6a]))
        socket.on('drain', pour)
        pour()
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
