import { Person } from '../../internal/testkit/client.ts'
import { inParallel, Measure, seconds } from '../client/measure.ts'
import { ChatSocket } from './chat-socket.ts'
import type { Stack } from './stack.ts'

/** One side of a direct conversation that sends; the other side's socket only listens. */
export interface Pair {
  topic: string
  sender: ChatSocket
  receiver: ChatSocket
}

export type SendLoad = { warmUpSeconds: number; seconds: number } & (
  | { /** Unanswered at any time, per pair (closed loop). */ outstanding: number }
  | { /** A second over all pairs, answered or not (open loop). */ rate: number }
)

const AT_ONCE = 4
const PAYLOAD = `{"type":"text","content":"${'x'.repeat(150)}"}`

/** Registers two people per pair, opens their conversation, and joins both to it. */
export function openPairs({ url, port }: Stack, count: number): Promise<Pair[]> {
  return inParallel(count, AT_ONCE, async () => {
    const [ann, bob] = [await Person.register(url), await Person.register(url)]
    const topic = `chat:${await ann.open(url, 'direct', [bob])}`
    const sender = await ChatSocket.open(port, ann.token)
    const receiver = await ChatSocket.open(port, bob.token)
    await Promise.all([sender.join(topic), receiver.join(topic)])
    return { topic, sender, receiver }
  })
}

export function closePairs(pairs: readonly Pair[]): void {
  for (const { sender, receiver } of pairs) {
    sender.close()
    receiver.close()
  }
}

export async function driveSends(pairs: readonly Pair[], load: SendLoad): Promise<Measure> {
  const measure = new Measure()
  const state = { isOver: false }
  const senders = pairs.map(({ topic, sender, receiver }) => {
    receiver.onDelivery = () => {
      measure.delivered++
    }
    const send = () => {
      const began = performance.now()
      sender.push(topic, 'message:send', PAYLOAD, ({ ok }) => {
        if (ok) measure.answered(performance.now() - began)
        else if (measure.isCounting) measure.failed++
        if ('outstanding' in load && !state.isOver) send()
      })
    }
    return send
  })
  const stop = 'rate' in load ? pace(senders, load.rate) : fill(senders, load.outstanding)
  await seconds(load.warmUpSeconds)
  measure.start()
  await seconds(load.seconds)
  measure.stop()
  state.isOver = true
  stop()
  return measure
}

function fill(senders: readonly (() => void)[], outstanding: number): () => void {
  for (const send of senders) for (let n = 0; n < outstanding; n++) send()
  return () => {}
}

/** Sends at their times, whatever became of those before; none is left out when the clock is late. */
function pace(senders: readonly (() => void)[], rate: number): () => void {
  let due = performance.now()
  let next = 0
  const timer = setInterval(() => {
    for (const now = performance.now(); due <= now; due += 1000 / rate) senders[next++ % senders.length]?.()
  }, 1)
  return () => clearInterval(timer)
}
