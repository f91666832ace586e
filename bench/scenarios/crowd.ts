import { Person } from '../../internal/testkit/client.ts'
import { inParallel, seconds } from '../client/measure.ts'
import { type BenchOptions, type Row, type Scenario, sized, timed } from '../scenario.ts'
import { ChatSocket } from '../service/chat-socket.ts'
import { closePairs, driveSends, openPairs } from '../service/pairs.ts'
import { type Stack, startFullStack } from '../service/stack.ts'

const SOCKETS_PER_USER = 10
const OPENING_AT_ONCE = 100
const GROUP = 10

interface Seat {
  person: Person
  topic: string
}

/** People in groups of ten; everybody has so many seats to take with a socket. */
async function seats({ url }: Stack, count: number): Promise<Seat[]> {
  const people = await inParallel(Math.ceil(count / SOCKETS_PER_USER), 4, () => Person.register(url))
  const taken: Seat[] = []
  for (let from = 0; from < people.length; from += GROUP) {
    const [first, ...others] = people.slice(from, from + GROUP)
    if (!first) break
    const topic = `chat:${await first.open(url, 'group', others)}`
    for (const person of [first, ...others]) taken.push({ person, topic })
  }
  return Array.from({ length: SOCKETS_PER_USER }, () => taken)
    .flat()
    .slice(0, count)
}

/** Resident memory of the API for each socket that does nothing, its inbox joined. */
async function idleInboxes(options: BenchOptions): Promise<Row[]> {
  const stack = await startFullStack()
  const all = await seats(stack, sized(15_000, options, 20))
  await seconds(options.smoke ? 1 : 10)
  const before = stack.rss()
  const began = performance.now()
  const sockets = await inParallel(all.length, OPENING_AT_ONCE, async (index) => {
    const socket = await ChatSocket.open(stack.port, all[index]?.person.token ?? '')
    await socket.join('user:inbox')
    return socket
  })
  const took = (performance.now() - began) / 1000
  await seconds(options.smoke ? 1 : 30)
  const kilobytesEach = Number(((stack.rss() - before) / sockets.length).toFixed(1))
  for (const socket of sockets) socket.close()
  await stack.stop()
  return [
    {
      sockets: sockets.length,
      usersEachWithTen: all.length / SOCKETS_PER_USER,
      kilobytesEach,
      openedPerSecond: Math.round(sockets.length / took),
    },
  ]
}

/** All sockets are lost at once and come back with their cursors, while others go on sending. */
async function reconnectStorm(options: BenchOptions): Promise<Row[]> {
  const stack = await startFullStack()
  const all = await seats(stack, sized(5000, options, 20))
  const open = () =>
    inParallel(all.length, OPENING_AT_ONCE, async (index) => {
      const { person, topic } = all[index] ?? { person: null, topic: '' }
      const socket = await ChatSocket.open(stack.port, person?.token ?? '')
      await socket.join(topic, { seq: 1 })
      return socket
    })
  const first = await open()
  const pairs = await openPairs(stack, sized(20, options, 2))
  const load = { rate: 200, warmUpSeconds: 1, seconds: timed(options, 30).seconds }
  const sending = driveSends(pairs, load)
  for (const socket of first) socket.close()
  const began = performance.now()
  const again = await open()
  const healedSeconds = Number(((performance.now() - began) / 1000).toFixed(1))
  const measure = await sending
  for (const socket of again) socket.close()
  closePairs(pairs)
  await stack.stop()
  return [
    {
      sockets: all.length,
      healedSeconds,
      sendsMeanwhile: measure.acknowledgedPerSecond,
      sendsFailed: measure.failed,
      p50Ms: measure.percentile(0.5),
      p99Ms: measure.percentile(0.99),
    },
  ]
}

export const crowdScenarios: readonly Scenario[] = [
  {
    name: 'idle-inboxes',
    about: 'memory of the API for 15,000 idle sockets of 1,500 users, inbox joined',
    run: idleInboxes,
  },
  {
    name: 'reconnect',
    about: '5,000 sockets lost at once, back with their cursors, while 20 pairs send 200/s',
    run: reconnectStorm,
  },
]
