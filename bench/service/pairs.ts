import { Person } from '../../internal/testkit/client.ts'
import { inParallel, Measure, seconds } from '../client/measure.ts'
import { arrive } from './arrival.ts'
import { watchBacklog } from './backlog.ts'
import type { ChatSocket } from './chat-socket.ts'
import type { Stack } from './stack.ts'

/** One side of a direct conversation that sends; the other side's socket only listens. */
export interface Pair {
  topic: string
  sender: ChatSocket
  receiver: ChatSocket
}

export type SendLoad = {
  warmUpSeconds: number
  /** Measured so long, or longer: until `until` is settled. */
  seconds: number
  until?: Promise<unknown>
} & (
  | { /** Unanswered at any time, per pair (closed loop). */ outstanding: number }
  | { /** A second over all pairs, answered or not (open loop). */ rate: number }
)

const AT_ONCE = 4
const RETRY_MS = 100
const PAYLOAD = `{"type":"text","content":"${'x'.repeat(150)}"}`

/** Registers two people per pair, opens their conversation, and joins both to it. */
export function openPairs(stack: Stack, count: number): Promise<Pair[]> {
  return inParallel(count, AT_ONCE, async () => {
    const { url } = stack
    const [ann, bob] = [await Person.register(url), await Person.register(url)]
    const topic = `chat:${await ann.open(url, 'direct', [bob])}`
    const [sender, receiver] = [await arrive(stack, ann.token, topic), await arrive(stack, bob.token, topic)]
    return { topic, sender, receiver }
  })
}

export function closePairs(pairs: readonly Pair[]): void {
  for (const { sender, receiver } of pairs) {
    sender.close()
    receiver.close()
  }
}

export async function driveSends(stack: Stack, pairs: readonly Pair[], load: SendLoad) {
  const measure = new Measure()
  const state = { isOver: false }
  const senders = pairs.map(({ topic, sender, receiver }) => {
    receiver.onDelivery = () => {
      measure.delivered++
    }
    const send = () => {
      measure.asked++
      const began = performance.now()
      sender.push(topic, 'message:send', PAYLOAD, ({ ok, text }) => {
        if (ok) measure.answered(performance.now() - began)
        else if (measure.isCounting) count(measure, text)
        if ('outstanding' in load && !state.isOver) again(send, ok)
      })
    }
    return send
  })
  const stop = 'rate' in load ? pace(senders, load.rate, measure) : fill(senders, load.outstanding)
  await seconds(load.warmUpSeconds)
  const backlogNow = await watchBacklog(stack)
  measure.start()
  await Promise.all([seconds(load.seconds), load.until])
  measure.stop()
  const backlog = await backlogNow()
  state.isOver = true
  stop()
  return { measure, backlog }
}

function count(measure: Measure, reply: string): void {
  if (/"code":"(overloaded|rate_limited)"/.test(reply)) measure.refused++
  else measure.failed++
}

/** Who was refused tries later: at once would be a load of refusals. */
function again(send: () => void, wasStored: boolean): void {
  if (wasStored) send()
  else setTimeout(send, RETRY_MS)
}

function fill(senders: readonly (() => void)[], outstanding: number): () => void {
  for (const send of senders) for (let n = 0; n < outstanding; n++) send()
  return () => {}
}

/** Sends at their times, whatever became of those before; none is left out when the clock is late. */
function pace(senders: readonly (() => void)[], rate: number, measure: Measure): () => void {
  let due = performance.now()
  let next = 0
  const timer = setInterval(() => {
    const now = performance.now()
    measure.lateMs.push(now - due)
    for (; due <= now; due += 1000 / rate) senders[next++ % senders.length]?.()
  }, 1)
  return () => clearInterval(timer)
}
