import { inParallel, seconds } from '../client/measure.ts'
import { withRatios } from '../judgement.ts'
import { type BenchOptions, type Row, rounded, type Scenario, sized } from '../scenario.ts'
import { arrive } from '../service/arrival.ts'
import type { ChatSocket } from '../service/chat-socket.ts'
import { type Seat, seats } from '../service/seats.ts'
import { on, type Stack, startFullStack } from '../service/stack.ts'
import { opened } from './idle.ts'

const OPENING_AT_ONCE = 100
const REST_SECONDS = 10
const OURS = { peer: 'realchat' }

function openInboxes(stack: Stack, taken: readonly Seat[]): Promise<ChatSocket[]> {
  return inParallel(taken.length, OPENING_AT_ONCE, (index) =>
    arrive(stack, taken[index]?.person.token ?? '', 'user:inbox'),
  )
}

/** Resident memory of the API for each socket that does nothing, its inbox joined. */
async function idleInboxes(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const taken = await seats(stack, sized(15_000, options, 20))
  // One of ten once round first: code is loaded and compiled, people are known.
  for (const socket of await openInboxes(stack, taken.slice(0, Math.ceil(taken.length / 10)))) socket.close()
  await seconds(options.smoke ? 1 : REST_SECONDS)
  const before = await stack.rssAtRest()
  const began = performance.now()
  const sockets = await openInboxes(stack, taken)
  const took = (performance.now() - began) / 1000
  await seconds(options.smoke ? 1 : REST_SECONDS)
  const kilobytesEach = rounded(((await stack.rssAtRest()) - before) / sockets.length, 1)
  for (const socket of sockets) socket.close()
  const perSecond = Math.round(sockets.length / took)
  return [{ peer: 'realchat', connections: sockets.length, perSecond, kilobytesEach }]
}

export const idleScenario: Scenario = {
  name: 'idle-inboxes',
  about: 'memory of the API for 15,000 idle sockets of 1,500 users, inbox joined; the peers have only a room',
  budgets: [
    { where: OURS, figure: 'kilobytesEach', atMost: 10 },
    { where: OURS, figure: 'toSocketIo', atMost: 0.55 },
  ],
  run: async (options) => {
    const rows = await on(startFullStack, idleInboxes)(options)
    for (const peer of ['ws', 'socket.io'] as const) {
      const rest = options.smoke ? 1 : REST_SECONDS
      const {
        connections = 0,
        perSecond = 0,
        kilobytesEach = 0,
      } = await opened(peer, sized(15_000, options, 20), rest)
      rows.push({ peer, connections, perSecond, kilobytesEach })
    }
    return withRatios(rows, 'kilobytesEach')
  },
}
