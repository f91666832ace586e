import { WebSocket } from 'ws'
import { Person } from '../internal/testkit/client.ts'

/** One side of a direct conversation that sends; the other side's socket only listens. */
export interface Pair {
  topic: string
  sender: WebSocket
  receiver: WebSocket
}

const JOINED = '"phx_reply"'

/** Registers two people per pair, opens their conversation, and joins both to it. */
export async function openPairs(url: string, count: number): Promise<Pair[]> {
  const pairs: Pair[] = []
  const chunk = 4
  for (let start = 0; start < count; start += chunk) {
    const some = Array.from({ length: Math.min(chunk, count - start) }, () => openPair(url))
    pairs.push(...(await Promise.all(some)))
  }
  return pairs
}

async function openPair(url: string): Promise<Pair> {
  const [ann, bob] = [await Person.register(url), await Person.register(url)]
  const topic = `chat:${await ann.open(url, 'direct', [bob])}`
  const [sender, receiver] = await Promise.all([join(url, ann, topic), join(url, bob, topic)])
  return { topic, sender, receiver }
}

async function join(url: string, person: Person, topic: string): Promise<WebSocket> {
  const address = `${url.replace('http', 'ws')}/socket/websocket?vsn=2.0.0&token=${person.token}`
  const socket = new WebSocket(address, { perMessageDeflate: false })
  await new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('open', () => socket.send(JSON.stringify(['1', '1', topic, 'phx_join', {}])))
    socket.on('message', function onMessage(data) {
      if (!data.toString().includes(JOINED)) return
      socket.off('message', onMessage)
      resolve(undefined)
    })
  })
  return socket
}
