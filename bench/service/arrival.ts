import { seconds } from '../client/measure.ts'
import { ChatSocket } from './chat-socket.ts'
import type { Stack } from './stack.ts'

const TRIES = 60
const RETRY_SECONDS = 0.5

/** A socket that has joined a topic; one that is told to come again later does. */
export async function arrive(
  { port }: Pick<Stack, 'port'>,
  token: string,
  topic: string,
): Promise<ChatSocket> {
  for (let left = TRIES; ; left--) {
    let socket: ChatSocket | null = null
    try {
      socket = await ChatSocket.open(port, token)
      await socket.join(topic)
      return socket
    } catch (error) {
      socket?.close()
      if (left === 0 || !/ 503 |overloaded/.test(String(error))) throw error
      await seconds(RETRY_SECONDS)
    }
  }
}
